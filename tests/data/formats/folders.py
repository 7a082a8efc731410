"""The same small data set in every format: images a (two boxes), b (none), c (one box), 100 x 50 pixels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.data.formats.images import put_annotation, put_image, put_text, voc_object

NAMES = ["cat", "dog"]
ROWS = {"a": "1 0.5 0.5 0.5 0.5\n0 0.1 0.1 0.2 0.2\n", "b": "", "c": "0 0.5 0.5 0.2 0.4\n"}
BOXES: dict[str, list[list[float]]] = {"a": [[25, 12.5, 75, 37.5], [0, 0, 20, 10]], "b": [], "c": [[40, 15, 60, 35]]}
CLASS_IDS: dict[str, list[int]] = {"a": [1, 0], "b": [], "c": [0]}


def put_yolo(folder: Path) -> None:
    """images/train/ and labels/train/."""
    for stem, rows in ROWS.items():
        put_image(folder / "images/train" / f"{stem}.jpg")
        put_text(folder / "labels/train" / f"{stem}.txt", rows)


def make_darknet(folder: Path) -> Path:
    put_yolo(folder)
    put_text(folder / "my.names", "cat\ndog\n")
    put_text(folder / "train.txt", "".join(f"images/train/{stem}.jpg\n" for stem in ROWS))
    return put_text(folder / "my.data", "train = train.txt\nnames = my.names\n")


def make_data_yaml(folder: Path) -> Path:
    put_yolo(folder)
    put_text(folder / "data.yaml", "train: images/train\nnames: [cat, dog]\n")
    return folder


def make_image_folder(folder: Path) -> Path:
    put_yolo(folder)
    put_text(folder / "classes.txt", "cat\ndog\n")
    return folder


def make_numbered(folder: Path) -> Path:
    put_yolo(folder)
    return folder


def make_voc(folder: Path) -> Path:
    for stem, boxes in BOXES.items():
        put_image(folder / "JPEGImages" / f"{stem}.jpg")
        rows = zip(CLASS_IDS[stem], boxes, strict=True)
        objects = (voc_object(NAMES[class_id], box) for class_id, box in rows)
        put_annotation(folder / "Annotations" / f"{stem}.xml", *objects)
    put_text(folder / "ImageSets/Main/train.txt", "a\nb\nc\n")
    return folder


def coco_content(**changes: Any) -> dict[str, Any]:
    """A COCO file of the data set, with category ids 7 (cat) and 18 (dog), and image ids 10, 20, 30."""
    images = [
        {"id": 10 * i, "file_name": f"{stem}.jpg", "width": 100, "height": 50} for i, stem in enumerate("abc", start=1)
    ]
    boxes = [(10, 18, 25, 12.5, 50, 25), (30, 7, 40, 15, 20, 20), (10, 7, 0, 0, 20, 10)]
    annotations = [
        {"id": i, "image_id": image, "category_id": category, "bbox": bbox, "iscrowd": 0, "segmentation": [[1, 2]]}
        for i, (image, category, *bbox) in enumerate(boxes, start=1)
    ]
    categories = [{"id": 18, "name": "dog"}, {"id": 7, "name": "cat"}]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories, **changes}


def make_coco(folder: Path) -> Path:
    for stem in ROWS:
        put_image(folder / "train2017" / f"{stem}.jpg")
    put_text(folder / "annotations/instances_train2017.json", json.dumps(coco_content()))
    return folder


MAKERS: dict[str, Callable[[Path], Path]] = {
    "darknet": make_darknet,
    "data_yaml": make_data_yaml,
    "image_folder": make_image_folder,
    "numbered": make_numbered,
    "voc": make_voc,
    "coco": make_coco,
}
