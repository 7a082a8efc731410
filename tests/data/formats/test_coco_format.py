import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.formats.folders import coco_content, make_coco
from tests.data.formats.images import put_image, put_text
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import DataError

EMPTY: dict[str, Any] = {"images": [], "annotations": [], "categories": []}


def put_json(path: Path, **changes: Any) -> Path:
    return put_text(path, json.dumps(coco_content(**changes)))


def put_images(folder: Path) -> None:
    for stem in "abc":
        put_image(folder / f"{stem}.jpg")


@pytest.mark.parametrize(
    ("file", "images", "split"),
    [
        ("annotations/instances_train2017.json", "train2017", "train"),
        ("annotations/instances_val2017.json", "images/val2017", "val"),
        ("annotations/instances_val.json", "images/validation", "val"),
        ("annotations/train.json", "images", "train"),
        ("annotations/train.json", "images/train", "train"),
        ("annotations/train.json", ".", "train"),
        ("train/_annotations.coco.json", "train", "train"),
        ("valid/_annotations.coco.json", "valid", "val"),
        ("labels.json", "JPEGImages", "all"),
        ("annotations/instances_default.json", "images/default", "all"),
        ("my.json", ".", "all"),
    ],
)
def test_where_files_lie(file: str, images: str, split: str, tmp_path: Path) -> None:
    path = put_json(tmp_path / file)
    put_images(tmp_path / images)
    for data in (tmp_path, path):
        source = open_dataset(str(data))
        assert source.splits == (split,)
        assert source.images(split) == [tmp_path / images / f"{stem}.jpg" for stem in "abc"]
        assert source.index(split).class_ids(0).tolist() == [1, 0]


def test_images_of_the_split_come_first(tmp_path: Path) -> None:
    put_images(tmp_path / "images")
    make_coco(tmp_path)
    assert open_dataset(str(tmp_path)).images("train")[0] == tmp_path / "train2017/a.jpg"


@pytest.mark.parametrize("name", ["train2017/a.jpg", "./a.jpg", "/abs"])
def test_file_names_with_folders(name: str, tmp_path: Path) -> None:
    make_coco(tmp_path)
    file_name = str(tmp_path / "train2017/a.jpg") if name == "/abs" else name
    path = tmp_path / "annotations/instances_train2017.json"
    put_json(path, images=[{"id": 10, "file_name": file_name}], annotations=[])
    assert open_dataset(str(tmp_path)).images("train") == [tmp_path / "train2017/a.jpg"]


def test_several_files(tmp_path: Path) -> None:
    make_coco(tmp_path)
    for name in ("instances_val2017", "instances_test", "instances_minival", "captions_train2017"):
        put_text(
            tmp_path / "annotations" / f"{name}.json", json.dumps(EMPTY | {"categories": [{"id": 9, "name": "ant"}]})
        )
    source = open_dataset(str(tmp_path))
    assert source.splits == ("train", "val", "test", "minival")
    assert source.names == ("cat", "ant", "dog")  # of all files, by id
    assert source.index("train").class_ids(0).tolist() == [2, 0]


def test_two_files_of_one_split_are_called_by_their_names(tmp_path: Path) -> None:
    make_coco(tmp_path)
    put_json(tmp_path / "annotations/instances_train2014.json")
    assert set(open_dataset(str(tmp_path)).splits) == {"train2014", "train2017"}


def test_crowds_are_ignored(tmp_path: Path) -> None:
    annotations = coco_content()["annotations"]
    annotations[0]["iscrowd"] = 1
    put_json(make_coco(tmp_path) / "annotations/instances_train2017.json", annotations=annotations)
    index = open_dataset(str(tmp_path)).index("train")
    assert index.ignore(0).tolist() == [True, False]
    assert index.ignore(2).tolist() == [False]


def test_without_annotations_all_is_background(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = coco_content()
    del content["annotations"]
    caplog.set_level("INFO")
    put_text(make_coco(tmp_path) / "annotations/instances_train2017.json", json.dumps(content))
    assert len(open_dataset(str(tmp_path)).index("train").all_class_ids) == 0
    assert "3 of 3 images have no label file" in caplog.text


def image(**changes: Any) -> list[dict[str, Any]]:
    return [coco_content()["images"][0] | changes, *coco_content()["images"][1:]]


def annotation(**changes: Any) -> list[dict[str, Any]]:
    return [coco_content()["annotations"][0] | changes]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": image(width=50, height=100)},
            "image 10: is for an image of 50x100, but .* shows as 100x50 .an EXIF",
        ),
        ({"images": image(file_name="z.jpg")}, r"image 10: no image 'z.jpg' in .*train2017.*; add it, or remove"),
        ({"images": image(file_name="b.jpg")}, "images 10 and 20 are both '.*b.jpg'"),
        ({"images": image(id=20)}, "two images have the same id"),
        ({"images": image(id="x")}, "image {.*: needs an integer id, a file_name, width and height"),
        ({"images": image(file_name=7)}, "image 10: has no file_name"),
        ({"images": ["x"]}, 'image "x": needs an integer id'),
        ({"annotations": annotation(image_id=5)}, "annotation 1: no image has the id 5"),
        ({"annotations": annotation(category_id=5)}, r"annotation 1: no category has the id 5; the ids are \[7, 18\]"),
        ({"annotations": annotation(bbox=[1, 2, 3])}, "annotation .*: needs image_id, category_id and bbox"),
        (
            {"annotations": annotation(bbox=[1, 2, 3, float("nan")])},
            "annotation 1: bbox has a number that is not finite",
        ),
        ({"annotations": annotation(bbox=None)}, "annotation .*: needs image_id"),
        ({"annotations": [[]]}, r"annotation \[\]: needs image_id"),
        ({"categories": [{"id": 7}]}, "category .*: needs an integer id and a name"),
        ({"categories": [{"id": 7, "name": "a"}, {"id": 7, "name": "b"}]}, "two categories have the id 7: 'a' and 'b'"),
    ],
)
def test_mistakes(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    put_json(make_coco(tmp_path) / "annotations/instances_train2017.json", **changes)
    with pytest.raises(DataError, match=rf"instances_train2017\.json: {message}"):
        open_dataset(str(tmp_path)).index("train")


def test_files_must_agree_on_categories(tmp_path: Path) -> None:
    make_coco(tmp_path)
    text = json.dumps(EMPTY | {"categories": [{"id": 7, "name": "ant"}]})
    put_text(tmp_path / "annotations/instances_val.json", text)
    with pytest.raises(DataError, match=r"instances_val\.json: the category 7 is 'ant', but 'cat' in another file"):
        open_dataset(str(tmp_path)).index("train")


def test_areas_are_those_of_the_outlines_where_the_file_states_them(tmp_path: Path) -> None:
    make_coco(tmp_path)
    annotations = coco_content()["annotations"]
    for annotation, area in zip(annotations, (321.5, "much", -1), strict=True):
        annotation["area"] = area
    put_json(tmp_path / "annotations/instances_train2017.json", annotations=annotations)
    index = open_dataset(str(tmp_path)).index("train")
    assert index.all_areas.tolist() == [321.5, 200, 400]  # else those of the boxes, 20 x 10 and 20 x 20
    assert [record.areas.tolist() for record in index.records() if record.areas is not None][2] == [400]


def test_ids_of_the_file(tmp_path: Path) -> None:
    source = open_dataset(str(make_coco(tmp_path)))
    assert source.coco_ids("train") == ([10, 20, 30], [7, 18])


@pytest.mark.parametrize(
    ("place", "name"),
    [("set", "../../secret.jpg"), ("set", "../secret.jpg"), ("cache/yolo/remote/set", "{folder}/secret.jpg")],
)
def test_an_image_outside_the_data_set_is_not_read(
    place: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put_image(tmp_path / "secret.jpg")
    (tmp_path / place / "train").mkdir(parents=True)
    images = [{"id": 1, "file_name": name.format(folder=tmp_path), "width": 8, "height": 8}]
    put_text(tmp_path / place / "annotations/instances_train.json", json.dumps(EMPTY | {"images": images}))
    with pytest.raises(DataError, match="image 1: no image '"):
        open_dataset(str(tmp_path / place)).index("train")
