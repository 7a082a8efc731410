from pathlib import Path

import pytest

from tests.data.formats.images import put_annotation, put_image, put_text, voc_object
from yolo.data.formats.darknet_format import DarknetFormat
from yolo.data.formats.open_dataset import FORMATS, open_dataset
from yolo.data.formats.voc_format import VocFormat
from yolo.errors import DataError

ACCEPTED = (
    r"; give a Darknet .data file, a data.yaml, a VOC folder .*, a folder of images, or one of: shapes, coco, voc$"
)


def test_formats_by_path(tmp_path: Path) -> None:
    put_text(tmp_path / "my.names", "cat\n")
    put_image(tmp_path / "voc/JPEGImages/a.jpg")
    put_annotation(tmp_path / "voc/Annotations/a.xml", voc_object("cat", (0, 0, 1, 1)))
    assert type(open_dataset(str(put_text(tmp_path / "my.data", "names=my.names\n")))) is DarknetFormat
    assert type(open_dataset(str(tmp_path / "voc"))) is VocFormat


@pytest.mark.parametrize("name", ["coco", "coco.data"])
def test_shipped_by_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = open_dataset(name)
    assert (len(source.names), source.splits) == (80, ("train", "val"))
    with pytest.raises(DataError, match=r"coco.data:3: 'datasets/coco/train2017.txt': no such image list"):
        source.index("train")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("shaps", "no such data set .did you mean shapes.."),
        ("cocco.data", "no such data set .did you mean coco.."),
        ("set/my.dta", "no such data set .did you mean set/my.data.."),
        ("set/my.names", "not a known data-set format"),
        ("xyz", "no such data set"),
    ],
)
def test_unknown(name: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put_text(tmp_path / "set/my.data", "")
    put_text(tmp_path / "set/my.names", "cat\n")
    with pytest.raises(DataError, match=f"^--data {name}: {hint}.*{ACCEPTED}"):
        open_dataset(name)


def test_no_path_matches_two_formats(tmp_path: Path) -> None:
    description = put_text(tmp_path / "JPEGImages.data", "")
    (tmp_path / "voc/Annotations").mkdir(parents=True)
    (tmp_path / "voc/JPEGImages").mkdir()
    for path in (tmp_path, tmp_path / "voc", description):
        assert sum(source.matches(path) for source in FORMATS) == 1
