from pathlib import Path

import pytest

from tests.data.formats.images import put_annotation, put_image, put_text, voc_object
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import DataError

BOX = (10.5, 5, 60, 45)


def make(folder: Path) -> Path:
    put_image(folder / "JPEGImages/a.jpg")
    put_image(folder / "JPEGImages/b 1.png")
    put_image(folder / "JPEGImages/more/c.jpg")
    put_text(folder / "JPEGImages/a.txt", "not an image")
    put_annotation(folder / "Annotations/a.xml", voc_object("dog", BOX, 1), voc_object("cat", (1, 2, 3, 4)))
    put_annotation(folder / "Annotations/more/c.xml", voc_object("ant", BOX))
    sets = folder / "ImageSets/Main"
    put_text(sets / "a_val.txt", "b 1\n")  # an image whose name looks like VOC's rows of class lists
    put_text(sets / "train.txt", "a\nb 1\n\n")
    put_text(sets / "val.txt", "more/c\n")
    put_text(sets / "dog_train.txt", "a  1\nb -1\n")  # a list per class: no split
    return folder


def test_index(tmp_path: Path) -> None:
    source = open_dataset(str(make(tmp_path)))
    assert source.names == ("ant", "cat", "dog")  # over all annotations, sorted
    assert source.splits == ("train", "val", "a_val")
    index = source.index("train")
    assert [index.path(i).name for i in range(len(index))] == ["a.jpg", "b 1.png"]
    assert index.boxes_xyxy(0).tolist() == [[10.5, 5, 60, 45], [1, 2, 3, 4]]  # as they lie: nothing subtracted
    assert index.class_ids(0).tolist() == [2, 1]
    assert index.ignore(0).tolist() == [True, False]  # difficult
    assert len(index.class_ids(1)) == 0  # no annotation
    assert source.index("val").class_ids(0).tolist() == [0]


def test_without_image_sets_every_annotated_image_is_in_all(tmp_path: Path) -> None:
    folder = make(tmp_path)
    for path in (folder / "ImageSets/Main").iterdir():
        path.unlink()
    source = open_dataset(str(folder))
    assert source.splits == ("all",)
    index = source.index("all")
    assert [index.path(i).name for i in range(len(index))] == ["a.jpg", "c.jpg"]


@pytest.mark.parametrize("name", ["classes.txt", "labels.txt", "my.names"])
def test_names_from_a_file(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path)
    (folder / name).write_text("dog\ncat\nant\nbird\n")
    source = open_dataset(str(folder))
    assert source.names == ("dog", "cat", "ant", "bird")
    assert source.index("train").class_ids(0).tolist() == [0, 1]


def test_two_names_files_are_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make(tmp_path)
    (folder / "classes.txt").write_text("x\n")
    (folder / "my.names").write_text("y\n")
    assert open_dataset(str(folder)).names == ("ant", "cat", "dog")
    assert "(classes.txt, my.names), so none is used" in caplog.text


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("ImageSets/Main/train.txt", "a\nz\n", r"train.txt:2: no image 'z\.\*' in"),
        ("JPEGImages/a.png", "", "train.txt:1: 'a' may be any of a.jpg, a.png"),
        ("classes.txt", "cat\nant\n", "a.xml:2: class 'dog' is not one of: cat, ant"),
    ],
)
def test_mistakes(tmp_path: Path, file: str, text: str, message: str) -> None:
    folder = make(tmp_path)
    (folder / file).write_text(text)
    with pytest.raises(DataError, match=message):
        open_dataset(str(folder)).index("train")


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (
            "<width>640</width><height>480</height>",
            r"a.xml: is for an image of 640x480, but .* shows as 100x50: its",
        ),
        ("<width>50</width><height>100</height>", r"shows as 100x50 \(an EXIF tag rotates the image"),
        ("<width>0</width><height>0</height>", None),
        ("<width>100</width><height>50</height>", None),
        ("<width>?</width>", None),
    ],
)
def test_stated_size(size: str, message: str | None, tmp_path: Path) -> None:
    folder = make(tmp_path)
    put_annotation(folder / "Annotations/a.xml", f"<size>{size}</size>", voc_object("dog", BOX))
    if message is None:
        assert len(open_dataset(str(folder)).index("train").class_ids(0)) == 1
        return
    with pytest.raises(DataError, match=message):
        open_dataset(str(folder)).index("train")


def test_no_objects_at_all(tmp_path: Path) -> None:
    put_image(tmp_path / "JPEGImages/a.jpg")
    put_annotation(tmp_path / "Annotations/a.xml")
    with pytest.raises(DataError, match=r"no annotation has an object; add classes.txt"):
        open_dataset(str(tmp_path)).index("all")


def test_blood_cells() -> None:
    folder = Path(__file__).parents[4] / "shared/datasets/bccd-voc"
    if not folder.is_dir():
        pytest.skip("the BCCD data set is not here")
    source = open_dataset(str(folder))
    assert source.names == ("Platelets", "RBC", "WBC")
    indices = [source.index(split) for split in ("train", "val", "test")]
    assert [len(index) for index in indices] == [205, 87, 72]
    assert sum(len(index.all_class_ids) for index in indices) == 4886  # 2 of 4888 are points
