import logging
from pathlib import Path

import pytest

from tests.data.formats.images import put_image, put_text
from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import DataError


def make(folder: Path) -> Path:
    for name in ("a", "b", "c"):
        put_image(folder / "images" / f"{name}.jpg")
    put_text(folder / "labels" / "a.txt", "1 0.5 0.5 0.5 0.5\n0 0.1 0.1 0.2 0.2\n")
    put_text(folder / "labels" / "b.txt", "")
    put_text(folder / "train.txt", "images/c.jpg\n\nimages/a.jpg\nimages/b.jpg\nimages/a.jpg\n")
    put_text(folder / "none.txt", "\n")
    put_text(folder / "my.names", "cat\ndog\n")
    return put_text(folder / "my.data", "train=train.txt\nval=none.txt\ntest=no.txt\nnames=my.names\n")


def opened(folder: Path) -> DatasetFormat:
    return open_dataset(str(make(folder)))


def test_index(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    source = opened(tmp_path)
    assert source.names == ("cat", "dog")
    assert source.splits == ("train", "val", "test")
    index = source.index("train")
    assert [index.path(i).name for i in range(len(index))] == ["c.jpg", "a.jpg", "b.jpg", "a.jpg"]  # as listed
    assert index.boxes_xyxy(1).tolist() == [[25, 12.5, 75, 37.5], [0, 0, 20, 10]]
    assert index.class_ids(1).tolist() == [1, 0]
    assert index.size(1) == (100, 50)
    assert [len(index.class_ids(i)) for i in range(4)] == [0, 2, 0, 2]
    assert [r.getMessage() for r in caplog.records] == [
        f"{tmp_path / 'my.data'}: split 'train': 1 of 4 images have no label file: they count as background"
    ]


def test_the_same_from_another_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = opened(tmp_path).index("train").all_boxes_xyxy.tolist()
    monkeypatch.chdir(tmp_path)
    assert open_dataset("my.data").index("train").all_boxes_xyxy.tolist() == expected


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("valid", "my.data: no split 'valid'; it has: train, val, test; `python -m yolo.data split`"),
        ("val", "my.data: the split 'val' has no images; fill it, or use another of: train, val, test"),
        ("test", "my.data:3: 'no.txt': no such image list"),
    ],
)
def test_bad_splits(tmp_path: Path, split: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(tmp_path).index(split)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("train.txt", "images/a.jpg\nimages/z.jpg\n", "train.txt:2: 'images/z.jpg': no such image"),
        ("labels/a.txt", "7 0.5 0.5 0.5 0.5\n", "labels/a.txt:1: class id 7, but there are 2 classes"),
        ("images/a.jpg", "text", "images/a.jpg: is not an image"),
    ],
)
def test_bad_files(tmp_path: Path, file: str, text: str, message: str) -> None:
    source = opened(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(DataError, match=message):
        source.index("train")


def test_an_image_list_that_may_mean_two_sets_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = opened(tmp_path / "set")
    put_image(tmp_path / "here" / "images" / "c.jpg", 7, 9)
    monkeypatch.chdir(tmp_path / "here")
    assert source.index("train").size(0) == (7, 9)  # Darknet's rule: the working directory
    assert "train.txt:1: 'images/c.jpg' is read from the working directory" in caplog.text


def test_indoor85() -> None:
    path = Path(__file__).parents[4] / "shared/datasets/indoor85/indoor85.data"
    if not path.is_file():
        pytest.skip("the indoor85 data set is not here")
    index = open_dataset(str(path)).index("val")
    assert (len(index), len(index.all_class_ids), len(index.names)) == (85, 378, 80)
