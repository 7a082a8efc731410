from pathlib import Path

import numpy as np
import pytest

from tests.data.formats.folders import BOXES, CLASS_IDS, MAKERS
from tests.data.formats.images import put_image
from yolo.data.formats.open_dataset import FORMATS, open_dataset

TAKES_LABELS_AWAY = ("labels/train/b.txt", "Annotations/b.xml")


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_index(kind: str, tmp_path: Path) -> None:
    source = open_dataset(str(MAKERS[kind](tmp_path)))
    assert source.splits == ("train",)
    index = source.index("train")
    assert index.names == source.names == (("0", "1") if kind == "numbered" else ("cat", "dog"))
    assert [index.path(i).name for i in range(3)] == ["a.jpg", "b.jpg", "c.jpg"]
    for i, stem in enumerate("abc"):
        np.testing.assert_allclose(index.boxes_xyxy(i), np.reshape(BOXES[stem], (-1, 4)), atol=1e-9)
        assert index.class_ids(i).tolist() == CLASS_IDS[stem]
        assert index.size(i) == (100, 50)


@pytest.mark.parametrize("kind", MAKERS)
def test_images_without_objects_stay(kind: str, tmp_path: Path) -> None:
    data = MAKERS[kind](tmp_path)
    assert len(open_dataset(str(data)).index("train")) == 3  # b has an empty label file
    for label in TAKES_LABELS_AWAY:
        (tmp_path / label).unlink(missing_ok=True)
    index = open_dataset(str(data)).index("train")  # and now none
    assert (len(index), index.class_ids(1).tolist()) == (3, [])


@pytest.mark.parametrize("kind", MAKERS)
def test_every_file_that_is_read_is_an_origin_or_a_label_file(kind: str, tmp_path: Path) -> None:
    data = MAKERS[kind](tmp_path)
    put_image(tmp_path / "unrelated/x.jpg")
    source = open_dataset(str(data))
    named = {*source.origins("train"), *(f for p in source.images("train") for f in (p, *source.label_files(p)))}
    files = {p for p in tmp_path.rglob("*.*") if p.is_file()} - {tmp_path / "unrelated/x.jpg"}
    assert files <= named


def test_every_format_is_tried() -> None:
    assert len({source.accepts for source in FORMATS}) == len(FORMATS) == 5
