import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.formats.folders import coco_content
from tests.data.formats.images import put_text
from yolo.data.formats.coco_file import is_coco, read_coco
from yolo.errors import DataError


@pytest.mark.parametrize("indent", [None, 0, 4])
def test_read(indent: int | None, tmp_path: Path) -> None:
    content = coco_content() | {"more": {"annotations": [1, "]"]}}
    file = read_coco(put_text(tmp_path / "a.json", json.dumps(content, indent=indent)))
    assert dict(file.names) == {18: "dog", 7: "cat"}
    assert (file.images[0].id, file.images[0].file_name, file.images[0].size) == (10, "a.jpg", (100, 50))
    assert file.image_ids.tolist() == [10, 10, 30]
    assert file.ids.tolist() == [1, 3, 2]
    assert file.category_ids.tolist() == [18, 7, 7]
    assert file.boxes_xyxy.tolist() == [[25, 12.5, 75, 37.5], [0, 0, 20, 10], [40, 15, 60, 35]]


def test_large_ids_stay_exact(tmp_path: Path) -> None:
    content = coco_content(images=[{"id": 2**60 + 1, "file_name": "a.jpg"}], annotations=[])
    assert read_coco(put_text(tmp_path / "a.json", json.dumps(content))).images[0].id == 2**60 + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.json:1: is not valid JSON"),
        ("[]", "a.json:1: is not valid JSON .Expecting '{'"),
        ('{"images": [{"id": 1, "file_name": "a"} 2]}', "a.json:1: is not valid JSON .Expecting ','"),
        ('{"images": [],\n"annotations": [{"id": }]}', "a.json:2: is not valid JSON"),
        ('{"images": [', "a.json:1: is not valid JSON"),
        ('{"images": []', "a.json:1: is not valid JSON"),
        ('{"annotations": []}', "a.json: has no 'images'"),
        ('{"images": {}}', "a.json: has no 'images'"),
        ('{"x": ' + "[" * 100_000, "a.json: is nested too deeply|is not valid JSON"),
    ],
)
def test_broken_files(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_coco(put_text(tmp_path / "a.json", text))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "bbox", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["images", "annotations", "categories", "info"]), JSON | st.lists(JSON)))
def test_any_json_is_read_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    path = put_text(tmp_path_factory.getbasetemp() / "any.json", json.dumps(content))
    try:
        message = str(read_coco(path).path)
    except DataError as error:
        message = str(error)
    assert message.startswith(str(path))


@pytest.mark.parametrize(
    ("text", "expected"), [('{"info": 1, "images": []}', True), ('[{"images": 1}]', False), ('{"name": "x"}', False)]
)
def test_is_coco(text: str, expected: bool, tmp_path: Path) -> None:
    assert is_coco(put_text(tmp_path / "a.json", text)) is expected
