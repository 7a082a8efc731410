import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tests.data.sources.pictures import put_annotation, put_picture, put_text, voc_object
from yolo.data.convert import Convert, convert, unique_names
from yolo.data.labels import format_yolo
from yolo.data.sources import open_source
from yolo.errors import DataError


def make_voc(folder: Path) -> str:
    for name in ("a", "b", "c", "more/a"):
        put_picture(folder / "JPEGImages" / f"{name}.jpg")
        put_annotation(folder / "Annotations" / f"{name}.xml", voc_object("dog", (10, 5, 60, 45)))
    put_annotation(folder / "Annotations/a.xml", voc_object("cat", (1, 1, 2, 2)), voc_object("dog", (0, 0, 9, 9), 1))
    (folder / "Annotations/c.xml").unlink()
    for split, text in (("train", "b\na\nmore/a\n"), ("val", "c\n"), ("trainval", "a\nb\nmore/a\nc\n")):
        put_text(folder / "ImageSets/Main" / f"{split}.txt", text)
    return str(folder)


@pytest.mark.parametrize("link", [False, True])
def test_voc_to_darknet(tmp_path: Path, link: bool, caplog: pytest.LogCaptureFixture) -> None:
    convert(Convert(data=make_voc(tmp_path / "voc"), out=tmp_path / "out" / "mine", link=link))
    folder = tmp_path / "out" / "mine"
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")) == [
        "images/a.jpg", "images/a_2.jpg", "images/b.jpg", "images/c.jpg",
        "labels/a.txt", "labels/a_2.txt", "labels/b.txt", "labels/c.txt",
        "mine.data", "mine.names", "train.txt", "trainval.txt", "val.txt",
    ]  # fmt: skip
    assert (folder / "images" / "a.jpg").is_symlink() is link
    assert (folder / "train.txt").read_text() == "images/b.jpg\nimages/a.jpg\nimages/a_2.jpg\n"
    assert (folder / "labels" / "a.txt").read_text() == "0 0.015000000 0.030000000 0.01000000 0.02000000\n"
    assert "1 objects to ignore (crowds, difficult ones) are left out" in caplog.text
    source = open_source(str(folder / "mine.data"))
    assert source.names == ("cat", "dog")
    assert set(source.splits) == {"train", "val", "trainval"}
    assert source.index("train").boxes_xyxy(2).round(5).tolist() == [[10, 5, 60, 45]]


def test_voc_to_voc_keeps_difficult_and_class_ids(tmp_path: Path) -> None:
    voc = tmp_path / "voc"
    make_voc(voc)
    put_text(voc / "classes.txt", "dog\nbird\ncat\n")
    convert(Convert(data=str(voc), out=tmp_path / "out", format="voc"))
    source = open_source(str(tmp_path / "out"))
    assert source.names == ("dog", "bird", "cat")
    index = source.index("train")
    assert index.class_ids(1).tolist() == [2, 0]
    assert index.ignore(1).tolist() == [False, True]


@settings(max_examples=10, deadline=None)
@given(st_numpy.arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=st.floats(0, 1)))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, parts: npt.NDArray[np.float64]) -> None:
    folder, size = tmp_path_factory.mktemp("round"), (333, 77)
    corners = np.sort(parts.reshape(-1, 2, 2), axis=1)
    keep = (corners[:, 1] - corners[:, 0] > 1e-3).all(axis=1)
    boxes_xyxy = corners[keep].reshape(-1, 4) * [*size, *size]
    put_picture(folder / "a/images/p.png", *size)
    put_text(folder / "a/labels/p.txt", format_yolo(boxes_xyxy, np.arange(len(boxes_xyxy)) % 2, size))
    put_text(folder / "a/my.names", "cat\ndog\n")
    put_text(folder / "a/val.txt", "images/p.png\n")
    put_text(folder / "a/my.data", "valid = val.txt\nnames = my.names\n")
    convert(Convert(data=str(folder / "a/my.data"), out=folder / "b", format="voc", link=True))
    convert(Convert(data=str(folder / "b"), out=folder / "c"))
    index = open_source(str(folder / "c/c.data")).index("val")
    np.testing.assert_allclose(index.boxes_xyxy(0), boxes_xyxy, atol=1e-4)
    assert index.class_ids(0).tolist() == [i % 2 for i in range(len(boxes_xyxy))]


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--out .*: exists already; remove it or choose another --out"):
        convert(Convert(data="coco", out=tmp_path))


def test_nothing_is_written_after_a_mistake(tmp_path: Path) -> None:
    voc = tmp_path / "voc"
    make_voc(voc)
    put_text(voc / "classes.txt", "dog\ndog\ncat\n")
    with pytest.raises(DataError, match="--format voc: two classes are named 'dog'"):
        convert(Convert(data=str(voc), out=tmp_path / "out", format="voc"))
    assert [p.name for p in tmp_path.iterdir()] == ["voc"]


@pytest.mark.parametrize(
    ("pictures", "names"),
    [
        (["x/a.jpg", "y/a.jpg"], ["a.jpg", "a_2.jpg"]),
        (["x/a.jpg", "x/a.png"], ["a.jpg", "a_2.png"]),  # one label file each
        (["x/a.jpg", "x/A.jpg"], ["a.jpg", "A_2.jpg"]),  # one file where case does not count
        (["x/a.jpg", "x/a_2.jpg", "y/a.jpg"], ["a.jpg", "a_2.jpg", "a_3.jpg"]),
        (["x/a.jpg", "y/a.jpg", "x/a_2.jpg"], ["a.jpg", "a_2.jpg", "a_2_2.jpg"]),
    ],
)
def test_unique_names(pictures: list[str], names: list[str]) -> None:
    assert list(unique_names(map(Path, pictures)).values()) == names


def test_what_was_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    convert(Convert(data=make_voc(tmp_path / "voc"), out=tmp_path / "out"))
    assert f"wrote 4 images to {tmp_path / 'out'}" in caplog.text
