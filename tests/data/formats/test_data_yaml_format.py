from pathlib import Path

import pytest

from tests.data.formats.images import put_image, put_text
from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import DataError


def make(folder: Path, text: str) -> DatasetFormat:
    for split in ("train", "valid", "test"):
        put_image(folder / split / "images" / f"{split}.jpg")
        put_text(folder / split / "labels" / f"{split}.txt", "1 0.5 0.5 0.5 0.5\n")
    return open_dataset(str(put_text(folder / "data.yaml", text)))


NAMES = "names: [cat, dog]\n"


def images(source: DatasetFormat) -> dict[str, list[str]]:
    return {split: [p.stem for p in source.images(split)] for split in source.splits}


ALL_THREE = {"train": ["train"], "val": ["valid"], "test": ["test"]}


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ("train: train/images\nval: valid/images\ntest: test/images\n", ALL_THREE, ""),
        (
            "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n",
            ALL_THREE,
            "'../train/images' does not exist",
        ),
        (
            "train: /content/x/train/images\nvalid: valid\n",
            {"train": ["train"], "val": ["valid"]},
            "/content/x/train/images",
        ),
        ("path: /content/x\ntrain: train/images\n", {"train": ["train"]}, "'path: /content/x': no such folder"),
        ("path: valid\ntrain: images\n", {"train": ["valid"]}, ""),
        ("train: [train, valid/images]\nval:\n  - test\n", {"train": ["train", "valid"], "val": ["test"]}, ""),
        ("train: train\nval: [train, train/images]\n", {"train": ["train"], "val": ["train"]}, ""),  # each once
        ("train: train\nval:\ntest: null\n", {"train": ["train"]}, ""),
        ("train: train\ntest: ../none/images\n", {"train": ["train"]}, "data.yaml:2: test: '../none/images': no such"),
        ("train: train\nmore: valid\nlicense: MIT\n", {"train": ["train"], "more": ["valid"]}, ""),
        ("train: train\ntrainval: both.txt\n", {"train": ["train"], "trainval": ["test", "train"]}, ""),
        ("train: train\ndownload: |\n  a.txt\nroboflow: {version: 2}\n", {"train": ["train"]}, ""),
    ],
)
def test_where_images_lie(
    text: str, expected: dict[str, list[str]], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_text(tmp_path / "set/both.txt", "./test/images/test.jpg\n./train/images/train.jpg\n")
    assert images(make(tmp_path / "set", text + NAMES)) == expected
    assert said in caplog.text
    assert bool(caplog.text) is bool(said)


def test_a_folder_outside_that_exists_is_meant_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_image(tmp_path / "train/images/other.jpg")
    assert images(make(tmp_path / "set", "train: ../train/images\n" + NAMES)) == {"train": ["other"]}
    assert "use a full path to choose" in caplog.text


def test_images_alone_is_no_hint_of_a_split(tmp_path: Path) -> None:
    put_image(tmp_path / "set/images/a.jpg")
    with pytest.raises(DataError, match="no images found"):
        make(tmp_path / "set", "train: /content/x/images\nval: /content/y/images\n" + NAMES)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("names: [cat, dog]", ("cat", "dog")),
        ("names:\n- cat\n- dog\nnc: 2", ("cat", "dog")),
        ("names:\n  1: dog\n  0: cat", ("cat", "dog")),
        ("names: {0: 'no', 1: 7}", ("no", "7")),
        ("names: [no, 1.50]", ("no", "1.50")),  # text, not YAML's false and 1.5
    ],
)
def test_names(names: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    source = make(tmp_path, f"train: train\n{names}\n")
    assert source.names == expected
    assert source.index("train").class_ids(0).tolist() == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: train\n", "data.yaml: has no class names; add"),
        ("train: train\nnames: []\n", "data.yaml: has no class names; add"),
        ("train: train\nnames: cat\n", "data.yaml:2: names is not a list of names"),
        ("train: train\nnames: [[a], b]\n", "data.yaml:2: names is not a list of names"),
        ("train: train\nnames: {0: a, 2: b}\n", "data.yaml:2: names has the class ids 0, 2; number them 0..1"),
        ("train: train\nnc: 3\nnames: [a, b]\n", "data.yaml:2: 'nc: 3', but there are 2 names; make them agree"),
        ("train: train\nnc: x\nnames: [a]\n", "data.yaml:2: 'nc: x' is not a number"),
        ("train: {a: b}\nnames: [a]\n", "data.yaml:1: 'train' is a mapping"),
        ("names: [a]\n", "data.yaml: no images found; give 'train:'"),
        ("train: train\nnames: [a\n", "data.yaml:3: is not YAML"),
        ("- a\n", "data.yaml: has no 'key: value' lines"),
        ("", "data.yaml: has no 'key: value' lines"),
        ("a: \x07\n", "data.yaml: is not YAML"),
    ],
)
def test_mistakes(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        make(tmp_path, text)
