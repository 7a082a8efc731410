from pathlib import Path

import pytest

from tests.data.formats.images import put_image, put_text
from yolo.data.formats.no_labels import require_labels, require_objects
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import DataError


def make(folder: Path) -> str:
    put_image(folder / "images/train/a.jpg")
    put_image(folder / "images/val/b.jpg")
    return str(folder)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "x",
            "",
            r"split 'train': no label file for 1 images; that of .*a.jpg was .* at .*labels/train/a.txt and",
        ),
        ("Labels/train/a.txt", "0 .5 .5 .1 .1", r"but .*/Labels/train/a.txt may be one of them: move or rename"),
        ("labels/train/a.jpg.txt", "0 .5 .5 .1 .1", r"but .*/labels/train/a.jpg.txt may be one"),
        ("boxes.csv", "filename,class,xmin,ymin,xmax,ymax\n", r"boxes.csv: is a table of boxes, which is not read"),
        ("a.xml", "<annotations>\n  <version>1.1</version>", r"a.xml: is CVAT's own XML, .*'YOLO 1.1'"),
        ("labels/train/a.txt", "", r"split 'train': no object in 1 images; label some"),
    ],
)
def test_a_split_without_objects(file: str, text: str, message: str, tmp_path: Path) -> None:
    data = make(tmp_path)
    put_text(tmp_path / file, text)
    source = open_dataset(data)
    with pytest.raises(DataError, match=message):
        require_objects(source, "train", source.index("train"))


def test_a_label_in_one_split_is_enough_to_convert(tmp_path: Path) -> None:
    source = open_dataset(make(tmp_path))
    with pytest.raises(DataError, match=r"no label file for 2 images"):
        require_labels(source, [source.index("train"), source.index("val")])
    put_text(tmp_path / "labels/val/b.txt", "0 0.5 0.5 0.1 0.1\n")
    source = open_dataset(str(tmp_path))
    require_labels(source, [source.index("train"), source.index("val")])
    require_objects(source, "val", source.index("val"))
