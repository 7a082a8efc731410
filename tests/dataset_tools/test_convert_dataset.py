import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import yaml
from faster_coco_eval import COCO
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tests.data.formats.images import put_annotation, put_image, put_text, voc_object
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.labels import format_yolo
from yolo.data.writers.write_dataset import unique_names
from yolo.dataset_tools.convert_dataset import ConvertDatasetSettings, convert_dataset
from yolo.errors import DataError, SettingsError


def make_voc(folder: Path) -> str:
    for name in ("a", "b", "c", "more/a"):
        put_image(folder / "JPEGImages" / f"{name}.jpg")
        put_annotation(folder / "Annotations" / f"{name}.xml", voc_object("dog", (10, 5, 60, 45)))
    put_annotation(folder / "Annotations/a.xml", voc_object("cat", (1, 1, 2, 2)), voc_object("dog", (0, 0, 9, 9), 1))
    (folder / "Annotations/c.xml").unlink()
    for split, text in (("train", "b\na\nmore/a\n"), ("val", "c\n"), ("trainval", "a\nb\nmore/a\nc\n")):
        put_text(folder / "ImageSets/Main" / f"{split}.txt", text)
    return str(folder)


@pytest.mark.parametrize("link", [False, True])
def test_voc_to_darknet(tmp_path: Path, link: bool, caplog: pytest.LogCaptureFixture) -> None:
    convert_dataset(ConvertDatasetSettings(data=make_voc(tmp_path / "voc"), out=tmp_path / "out" / "mine", link=link))
    folder = tmp_path / "out" / "mine"
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")) == [
        "images/a.jpg", "images/a_2.jpg", "images/b.jpg", "images/c.jpg",
        "labels/a.txt", "labels/a_2.txt", "labels/b.txt", "labels/c.txt",
        "mine.data", "mine.names", "train.txt", "trainval.txt", "val.txt",
    ]  # fmt: skip
    assert (folder / "images" / "a.jpg").is_symlink() is link
    assert (folder / "train.txt").read_text() == "images/b.jpg\nimages/a.jpg\nimages/a_2.jpg\n"
    assert (folder / "labels" / "a.txt").read_text() == "0 0.015000000 0.030000000 0.01000000 0.02000000\n"
    assert "1 ignored objects (crowds, difficult) are left out" in caplog.text
    source = open_dataset(str(folder / "mine.data"))
    assert source.names == ("cat", "dog")
    assert set(source.splits) == {"train", "val", "trainval"}
    assert source.index("train").boxes_xyxy(2).round(5).tolist() == [[10, 5, 60, 45]]


def test_voc_to_voc_keeps_difficult_and_class_ids(tmp_path: Path) -> None:
    voc = tmp_path / "voc"
    make_voc(voc)
    put_text(voc / "classes.txt", "dog\nbird\ncat\n")
    convert_dataset(ConvertDatasetSettings(data=str(voc), out=tmp_path / "out", format="voc"))
    source = open_dataset(str(tmp_path / "out"))
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
    put_image(folder / "a/images/p.png", *size)
    put_text(folder / "a/labels/p.txt", format_yolo(boxes_xyxy, np.arange(len(boxes_xyxy)) % 2, size))
    put_text(folder / "a/my.names", "cat\ndog\n")
    put_text(folder / "a/val.txt", "images/p.png\n")
    put_text(folder / "a/my.data", "valid = val.txt\nnames = my.names\n")
    convert_dataset(ConvertDatasetSettings(data=str(folder / "a/my.data"), out=folder / "b", format="voc", link=True))
    convert_dataset(ConvertDatasetSettings(data=str(folder / "b"), out=folder / "c"))
    index = open_dataset(str(folder / "c/c.data")).index("val")
    np.testing.assert_allclose(index.boxes_xyxy(0), boxes_xyxy, atol=1e-4)
    assert index.class_ids(0).tolist() == [i % 2 for i in range(len(boxes_xyxy))]


FORMATS = ("darknet", "yolo", "coco", "voc")


def described(folder: Path) -> str:
    return str(next(iter(folder.glob("*.data")), folder))


def put_images(folder: Path, boxes_xyxy: Sequence[npt.NDArray[np.float64]], size: tuple[int, int]) -> str:
    """A Darknet data set: two thirds of the images in train, the others in val, all in both."""
    names = [f"images/p{i}.png" for i in range(len(boxes_xyxy))]
    for name, boxes in zip(names, boxes_xyxy, strict=True):
        put_image(folder / name, *size)
        label = (folder / name.replace("images", "labels")).with_suffix(".txt")
        put_text(label, format_yolo(boxes, np.arange(len(boxes)) % 3, size))
    cut = 2 * len(names) // 3
    for split, part in (("train", names[:cut]), ("val", names[cut:]), ("both", names)):
        put_text(folder / f"{split}.txt", "".join(f"{name}\n" for name in part))
    put_text(folder / "my.names", "cat\nno\n7\n")  # YAML would read false and a number
    return str(put_text(folder / "my.data", "train=train.txt\nvalid=val.txt\nboth=both.txt\nnames=my.names\n"))


def truth(data: str) -> dict[str, dict[str, tuple[npt.NDArray[np.float64], list[int], list[bool]]]]:
    source = open_dataset(data)
    records = {split: list(source.index(split).records()) for split in source.splits}
    return {
        split: {r.path.stem: (r.boxes_xyxy, r.class_ids.tolist(), r.ignore.tolist()) for r in rows}
        for split, rows in records.items()
    }


def assert_same(data: str, expected: str, tolerance: float) -> None:
    """Every box of every image of every split is where it was."""
    assert open_dataset(data).names == open_dataset(expected).names
    new, old = truth(data), truth(expected)
    assert {split: set(rows) for split, rows in new.items()} == {split: set(rows) for split, rows in old.items()}
    for split, rows in old.items():
        for stem, (boxes_xyxy, class_ids, ignore) in rows.items():
            np.testing.assert_allclose(new[split][stem][0], boxes_xyxy, atol=tolerance, err_msg=stem)
            assert new[split][stem][1:] == (class_ids, ignore), stem


def go_round(data: str, folder: Path, tolerance: float) -> None:
    """YOLO -> COCO -> VOC -> YOLO, both ways to write YOLO; after each step all boxes are still there."""
    step = data
    for number, name in enumerate(("yolo", "coco", "voc", "yolo", "darknet", "voc", "coco", "darknet")):
        out = folder / f"{number}-{name}"
        convert_dataset(ConvertDatasetSettings(data=step, out=out, format=cast("Any", name), link=True))
        step = described(out)
        assert_same(step, data, tolerance)


def test_round_trip_through_every_format(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    corners = np.sort(rng.random((9, 5, 2, 2)), axis=2) * [333, 77]
    corners[:, :, 1] += 0.01
    boxes_xyxy = np.clip(corners.reshape(9, 5, 4), 0, [333, 77, 333, 77])
    go_round(put_images(tmp_path, [*boxes_xyxy, np.zeros((0, 4))], (333, 77)), tmp_path, 0.01)


@pytest.mark.parametrize("data", ["bccd-voc", "indoor85/indoor85.data"])
def test_round_trip_of_real_data(data: str, tmp_path: Path) -> None:
    path = Path(__file__).parents[3] / "shared/datasets" / data
    if not path.exists():
        pytest.skip(f"the data set {data} is not here")
    labels = tmp_path / "start"  # without what no label file can hold
    convert_dataset(ConvertDatasetSettings(data=str(path), out=labels, link=True))
    go_round(described(labels), tmp_path, 0.5)


@pytest.mark.parametrize("name", FORMATS)
def test_a_thousand_boxes_stay(name: str, tmp_path: Path) -> None:
    lefts = np.arange(1000.0) / 2
    boxes = np.stack([lefts, lefts / 10, lefts + 7, lefts / 10 + 5], axis=1)
    data = put_images(tmp_path / "set", [boxes, boxes[:3], boxes[:0]], (600, 100))
    assert open_dataset(data).index("train").class_ids(0).shape == (1000,)
    convert_dataset(ConvertDatasetSettings(data=data, out=tmp_path / "out", format=cast("Any", name)))
    assert_same(described(tmp_path / "out"), data, 0.01)


@pytest.mark.parametrize("name", FORMATS)
def test_objects_to_ignore_are_kept_or_counted(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    voc = make_voc(tmp_path / "voc")
    convert_dataset(ConvertDatasetSettings(data=voc, out=tmp_path / "out", format=cast("Any", name)))
    index = open_dataset(described(tmp_path / "out")).index("train")
    can_hold = name in ("coco", "voc")
    assert int(index.all_ignore.sum()) == can_hold
    assert len(index.all_class_ids) == 3 + can_hold
    assert ("1 ignored objects (crowds, difficult) are left out" in caplog.text) is not can_hold


def test_coco_is_read_by_others(tmp_path: Path) -> None:
    convert_dataset(ConvertDatasetSettings(data=make_voc(tmp_path / "voc"), out=tmp_path / "out", format="coco"))
    coco = COCO(str(tmp_path / "out/annotations/instances_train.json"))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["b.jpg", "a.jpg", "a_2.jpg"]
    assert [category["name"] for category in coco.loadCats([1, 2])] == ["cat", "dog"]
    (crowd,) = coco.loadAnns(coco.getAnnIds(iscrowd=True))
    assert (crowd["bbox"], crowd["category_id"], crowd["area"]) == ([0, 0, 9, 9], 2, 81)


def test_ids_are_those_of_the_source_and_areas_are_kept(tmp_path: Path) -> None:
    voc = make_voc(tmp_path / "voc")
    convert_dataset(ConvertDatasetSettings(data=voc, out=tmp_path / "out", format="coco"))
    assert [list(ids) for ids in open_dataset(str(voc)).coco_ids("train")] == [[1, 2, 3], [1, 2]]
    path = tmp_path / "out/annotations/instances_train.json"
    assert [list(ids) for ids in open_dataset(str(path)).coco_ids("train")] == [[1, 2, 3], [1, 2]]
    for file in path.parent.iterdir():
        content = json.loads(file.read_text())
        for annotation in content["annotations"]:
            annotation["area"] = 4.25
        file.write_text(json.dumps(content))
    convert_dataset(ConvertDatasetSettings(data=str(tmp_path / "out"), out=tmp_path / "again", format="coco"))
    again = json.loads((tmp_path / "again/annotations/instances_train.json").read_text())
    assert {annotation["area"] for annotation in again["annotations"]} == {4.25}


def test_the_layout_of_a_data_yaml(tmp_path: Path) -> None:
    convert_dataset(ConvertDatasetSettings(data=make_voc(tmp_path / "voc"), out=tmp_path / "out", format="yolo"))
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")) == [
        "data.yaml", "images/train/a.jpg", "images/train/a_2.jpg", "images/train/b.jpg", "images/val/c.jpg",
        "labels/train/a.txt", "labels/train/a_2.txt", "labels/train/b.txt", "labels/val/c.txt", "trainval.txt",
    ]  # fmt: skip
    assert yaml.safe_load((tmp_path / "out/data.yaml").read_text()) == {
        "path": ".", "train": "images/train", "val": "images/val", "trainval": "trainval.txt", "nc": 2,
        "names": {0: "cat", 1: "dog"},
    }  # fmt: skip


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--out .*: already exists; choose another --out, or remove it"):
        convert_dataset(ConvertDatasetSettings(data="coco", out=tmp_path))


def test_nothing_is_written_after_a_mistake(tmp_path: Path) -> None:
    voc = tmp_path / "voc"
    make_voc(voc)
    put_text(sorted((voc / "Annotations").glob("*.xml"))[-1], "<annotation>")
    with pytest.raises(DataError, match="is not well-formed XML"):
        convert_dataset(ConvertDatasetSettings(data=str(voc), out=tmp_path / "out", format="voc"))
    assert [p.name for p in tmp_path.iterdir()] == ["voc"]


@pytest.mark.parametrize(
    ("images", "names"),
    [
        (["x/a.jpg", "y/a.jpg"], ["a.jpg", "a_2.jpg"]),
        (["x/a.jpg", "x/a.png"], ["a.jpg", "a_2.png"]),  # one label file each
        (["x/a.jpg", "x/A.jpg"], ["a.jpg", "A_2.jpg"]),  # one file where case does not count
        (["x/a.jpg", "x/a_2.jpg", "y/a.jpg"], ["a.jpg", "a_2.jpg", "a_3.jpg"]),
        (["x/a.jpg", "y/a.jpg", "x/a_2.jpg"], ["a.jpg", "a_2.jpg", "a_2_2.jpg"]),
    ],
)
def test_unique_names(images: list[str], names: list[str]) -> None:
    assert list(unique_names(map(Path, images)).values()) == names


def test_what_was_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    convert_dataset(ConvertDatasetSettings(data=make_voc(tmp_path / "voc"), out=tmp_path / "out"))
    assert f"wrote 4 images to {tmp_path / 'out'}" in caplog.text
