from pathlib import Path

import pytest

from tests.data.formats.images import put_image, put_text
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import DataError


@pytest.mark.parametrize(
    ("images", "splits"),
    [
        (["a.jpg", "b.PNG"], {"all": 2}),
        (["train/a.jpg", "val/b.jpg"], {"train": 1, "val": 1}),
        (["train/images/a.jpg", "valid/images/b.jpg", "test/images/c.jpg"], {"train": 1, "val": 1, "test": 1}),
        (["images/train/a.jpg", "images/val2017/x/b.jpg"], {"train": 1, "val": 1}),
        (["images/a.jpg", "images/b/c.jpg"], {"all": 2}),
        (["trains/a.jpg", "test-drive/a.jpg", ".hidden/a.jpg", ".a.jpg"], {"all": 2}),
    ],
)
def test_splits(images: list[str], splits: dict[str, int], tmp_path: Path) -> None:
    for image in images:
        put_image(tmp_path / image)
    source = open_dataset(str(tmp_path))
    assert {split: len(source.index(split)) for split in source.splits} == splits
    assert source.names == ()  # no labels: images to detect on


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("classes.txt", ("cat", "dog")),
        ("labels/classes.txt", ("cat", "dog")),
        ("x.names", ("cat", "dog")),
        ("images/val/classes.txt", ("cat", "dog")),
        ("labels/val/classes.txt", ("cat", "dog")),
        ("x", ("0", "1")),
    ],
)
def test_names(file: str, names: tuple[str, ...], tmp_path: Path) -> None:
    put_image(tmp_path / "images/train/a.jpg")
    put_image(tmp_path / "images/val/b.jpg")
    put_text(tmp_path / "labels/val/b.txt", "1 0.5 0.5 0.5 0.5\n")
    put_text(tmp_path / file, "cat\ndog\n")
    source = open_dataset(str(tmp_path))
    assert source.names == names
    assert source.index("train").names == names  # those of all splits
    assert source.index("val").class_ids(0).tolist() == [1]


def test_an_absurd_class_id_makes_no_million_classes(tmp_path: Path) -> None:
    put_image(tmp_path / "a.jpg")
    put_text(tmp_path / "a.txt", "999999999 0.5 0.5 0.5 0.5\n")
    with pytest.raises(DataError, match=r"a.txt:1: class id 999999999"):
        open_dataset(str(tmp_path)).index("all")


def test_links_are_followed_once(tmp_path: Path) -> None:
    put_image(tmp_path / "far/a.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "far")
    (tmp_path / "far/loop").symlink_to(tmp_path / "far")
    assert len(open_dataset(str(tmp_path / "set")).index("all")) == 1


@pytest.mark.parametrize("description", ["my.data", "set/my.data", "set/data.yaml"])
def test_a_folder_with_a_description_is_more_than_its_images(description: str, tmp_path: Path) -> None:
    put_image(tmp_path / "set/images/a.jpg")
    put_text(tmp_path / "images.txt", "set/images/a.jpg\n")
    put_text(tmp_path / "my.names", "dog\n")
    put_text(tmp_path / description, "train = ../images.txt\nnames = ../my.names\n")
    if description.endswith("yaml"):
        put_text(tmp_path / description, "train: images\nnames: [dog]\n")
    source = open_dataset(str(tmp_path))
    assert (source.names, source.splits, len(source.index("train"))) == (("dog",), ("train",), 1)


def test_two_descriptions_are_a_question(tmp_path: Path) -> None:
    put_image(tmp_path / "images/a.jpg")
    for name in ("a.data", "b.data"):
        put_text(tmp_path / name, "")
    with pytest.raises(DataError, match=f"did you mean {tmp_path}/a.data or {tmp_path}/b.data"):
        open_dataset(str(tmp_path))


def test_floats_as_class_ids_are_counted(tmp_path: Path) -> None:
    put_image(tmp_path / "a.jpg")
    put_text(tmp_path / "a.txt", "2.0 0.5 0.5 0.1 0.1\n")
    assert open_dataset(str(tmp_path)).names == ("0", "1", "2")
