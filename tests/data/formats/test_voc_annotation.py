from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.formats.images import put_annotation, put_text, voc_object
from yolo.data.formats.voc_annotation import VocObject, read_voc_annotation
from yolo.errors import BadRowError, DataError, UnknownClassError


def test_objects_with_lines(tmp_path: Path) -> None:
    path = put_annotation(
        tmp_path / "a.xml", voc_object(" dog ", (1, 2.5, 3, 4), 1), voc_object("café &amp; bar", (0, 0, 1, 1))
    )
    assert read_voc_annotation(path).objects == (
        VocObject(2, "dog", (1, 2.5, 3, 4), True),
        VocObject(4, "café & bar", (0, 0, 1, 1), False),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>\n<object>\n</annotation>", "a.xml:3: is not well-formed XML"),
        ("", "a.xml:1: is not well-formed XML .no element found."),
        ("<a>\n<object><name>cat</name></object></a>", "a.xml:2: the object 'cat' has no bndbox"),
        ("<a>\n<object><bndbox/></object></a>", "a.xml:2: the object has no name"),
        ("<a><object><name>cat</name>\n<bndbox><xmin>1</xmin></bndbox></object></a>", "a.xml:2: bndbox has no ymin"),
        ("<a>" + voc_object("cat", ("x", 0, 1, 1)) + "</a>", "a.xml:2: xmin is 'x'; write a number"),
        ("<a>" + voc_object("cat", (0, 0, 1, float("nan"))) + "</a>", "a.xml:2: ymax is 'nan'; write a finite"),
        ('\n<!DOCTYPE a [<!ENTITY b "bbb">]><a>&b;</a>', "a.xml:2: a DOCTYPE is not allowed"),
        ('<?xml version="1.0" encoding="nonsense"?><a/>', "a.xml(:1)?: "),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    path = put_text(tmp_path / "a.xml", text)
    with pytest.raises(DataError, match=message):
        raise read_voc_annotation(path).errors[0]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.xml: cannot be read: No such file"):
        read_voc_annotation(tmp_path / "a.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_declared_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.xml"
    body = voc_object("café", (0, 0, 1, 1))
    path.write_bytes(f'<?xml version="1.0" encoding="{encoding}"?><annotation>{body}</annotation>'.encode(encoding))
    assert read_voc_annotation(path).objects[0].name == "café"


@given(st.lists(st.sampled_from(["<object>", "</object>", "<name>", "</name>", "x", "<bndbox>", "</bndbox>", "&lt;",
                                 "&x;", "<xmin>1</xmin>", "\0", "<!DOCTYPE x>", "<?xml version='1.0'?>"])))  # fmt: skip
def test_any_file_gives_objects_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    path = put_text(tmp_path_factory.getbasetemp() / "any.xml", f"<a>{''.join(parts)}</a>")
    message = str(path)
    try:
        objects = read_voc_annotation(path).objects
    except DataError as error:
        objects, message = (), str(error)
    assert message.startswith(str(path))
    assert all(len(entry.xyxy) == 4 for entry in objects)


def test_objects_with_errors_are_left_out_and_reported(tmp_path: Path) -> None:
    nameless = "<object>\n<bndbox/></object>\n"
    dog, cow = voc_object("dog", (1, 2, 3, 4)), voc_object("cow", (1, 2, 3, 4))
    path = put_annotation(tmp_path / "a.xml", dog, nameless, cow)
    labels, errors = read_voc_annotation(path).labels(["dog"])
    assert labels.lines == (2,)
    assert [type(error) for error in errors] == [BadRowError, UnknownClassError]
    assert str(errors[0]) == f"{path}:4: the object has no name; add <name>"
    assert str(errors[1]) == f"{path}:6: class 'cow' is not one of: dog"
