import pytest

from yolo.data.formats.folders import split_of, split_of_folder


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Valid", "val"),
        ("validation", "val"),
        ("instances_train2017", "train"),
        ("val2017", "val"),
        ("test-dev", "test"),
        ("2017_TEST", "test"),
        ("minival", None),
        ("trainval", None),
        ("", None),
        ("images", None),
    ],
)
def test_split_of(name: str, split: str | None) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("name", "split"), [("train", "train"), ("Val_2017", "val"), ("test-drive", None), ("my_train", None)]
)
def test_split_of_folder(name: str, split: str | None) -> None:
    assert split_of_folder(name) == split
