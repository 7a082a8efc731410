"""Data sets as labelling tools export them, file by file in their layouts."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.data.formats.folders import coco_content
from tests.data.formats.images import put_annotation, put_image, put_text, voc_object
from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import DataError

ROW = "1 0.5 0.5 0.5 0.5\n"
BOX = [25, 12.5, 75, 37.5]  # of ROW in an image of 100 x 50 pixels


def check(source: DatasetFormat, num_images: dict[str, int], names: tuple[str, ...] = ("cat", "dog")) -> None:
    """Expect these splits, where each image has the box of ROW."""
    assert source.names == names
    assert source.splits == tuple(num_images)
    for split, count in num_images.items():
        index = source.index(split)
        assert index.all_boxes_xyxy.tolist() == [BOX] * count == [BOX] * len(index)
        assert set(index.all_class_ids.tolist()) == {1}


def put_labelled(image: Path, label: Path, row: str = ROW) -> None:
    put_image(image)
    put_text(label, row)


def put_cvat_yolo(folder: Path, prefix: str) -> None:
    for stem in ("frame_000000", "frame_000001"):
        put_labelled(folder / f"obj_train_data/{stem}.png", folder / f"obj_train_data/{stem}.txt")
    put_text(folder / "train.txt", "".join(f"{prefix}obj_train_data/frame_00000{i}.png\n" for i in (0, 1)))
    put_text(folder / "obj.names", "cat\ndog\n")
    put_text(
        folder / "obj.data",
        f"classes = 2\ntrain = {prefix}train.txt\nnames = {prefix}obj.names\nbackup = backup/\n",
    )


@pytest.mark.parametrize("prefix", ["data/", ""])
@pytest.mark.parametrize("name", ["", "obj.data"])
def test_cvat_yolo_11(prefix: str, name: str, tmp_path: Path) -> None:
    put_cvat_yolo(tmp_path, prefix)
    check(open_dataset(str(tmp_path / name)), {"train": 2})


@pytest.mark.parametrize("inside", [".", "task_1"])
def test_cvat_zip(inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put_cvat_yolo(tmp_path / "export" / inside, "data/")
    with zipfile.ZipFile(tmp_path / "task.zip", "w") as archive:
        for path in (tmp_path / "export").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "export"))
    check(open_dataset(str(tmp_path / "task.zip")), {"train": 2})


@pytest.mark.parametrize("prefix", ["images", "data/images"])
def test_cvat_ultralytics_yolo(prefix: str, tmp_path: Path) -> None:
    for split in ("train", "val"):
        put_labelled(tmp_path / f"images/{split}/a.jpg", tmp_path / f"labels/{split}/a.txt")
        put_text(tmp_path / f"{split}.txt", f"{prefix}/{split}/a.jpg\n")
    put_text(tmp_path / "data.yaml", "names:\n  0: cat\n  1: dog\npath: .\ntrain: train.txt\nval: val.txt\n")
    check(open_dataset(str(tmp_path)), {"train": 1, "val": 1})


def test_label_studio_yolo(tmp_path: Path) -> None:
    for stem in ("1eeed219-IMG_0007", "2835bcdb-IMG_0010"):
        put_labelled(tmp_path / f"images/{stem}.jpg", tmp_path / f"labels/{stem}.txt")
    put_text(tmp_path / "classes.txt", "cat\ndog\n")
    categories = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    notes = {"categories": categories, "info": {"year": 2024, "version": "1.0", "contributor": "Label Studio"}}
    put_text(tmp_path / "notes.json", json.dumps(notes, indent=2))
    check(open_dataset(str(tmp_path)), {"all": 2})


@pytest.mark.parametrize("inside", ["project-3", "a/b"])
def test_a_folder_that_holds_only_the_data_set(inside: str, tmp_path: Path) -> None:
    put_labelled(tmp_path / inside / "images/a.jpg", tmp_path / inside / "labels/a.txt")
    put_text(tmp_path / inside / "classes.txt", "cat\ndog\n")
    check(open_dataset(str(tmp_path)), {"all": 1})


def test_a_description_in_a_folder_of_other_images_is_a_question(tmp_path: Path) -> None:
    put_labelled(tmp_path / "images/a.jpg", tmp_path / "labels/a.txt")
    put_labelled(tmp_path / "old/images/a.jpg", tmp_path / "old/labels/a.txt")
    put_text(tmp_path / "old/data.yaml", "train: images\nnames: [cat, dog]\n")
    with pytest.raises(DataError, match=f"did you mean {tmp_path}/old"):
        open_dataset(str(tmp_path))


def put_roboflow_splits(folder: Path, images: str, labels: str) -> None:
    for split in ("train", "valid", "test"):
        put_labelled(folder / split / images / f"{split}.rf.0a1b.jpg", folder / split / labels / f"{split}.rf.0a1b.txt")
    put_text(folder / "README.roboflow.txt", "Exported\n")


def test_roboflow_darknet(tmp_path: Path) -> None:
    put_roboflow_splits(tmp_path, ".", ".")
    for split in ("train", "valid", "test"):
        put_text(tmp_path / split / "_darknet.labels", "cat\ndog")
    check(open_dataset(str(tmp_path)), {"train": 1, "val": 1, "test": 1})


def test_names_of_splits_must_agree(tmp_path: Path) -> None:
    for split, names in (("train", "cat\ndog\n"), ("val", "dog\ncat\n")):
        put_labelled(tmp_path / split / "a.jpg", tmp_path / split / "a.txt")
        put_text(tmp_path / split / "classes.txt", names)
    with pytest.raises(DataError, match=r"val/classes.txt: does not name the same .*train/classes.txt \(line 1"):
        open_dataset(str(tmp_path))
    put_text(tmp_path / "val/classes.txt", "cat\ndog\n")
    check(open_dataset(str(tmp_path)), {"train": 1, "val": 1})


def test_roboflow_data_yaml(tmp_path: Path) -> None:
    put_roboflow_splits(tmp_path, "images", "labels")
    text = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['cat', 'dog']\n\n"
    put_text(tmp_path / "data.yaml", text + "roboflow:\n  workspace: me\n  version: 1\n")
    check(open_dataset(str(tmp_path)), {"train": 1, "val": 1, "test": 1})


def test_data_yaml_of_another_name_and_of_windows(tmp_path: Path) -> None:
    put_roboflow_splits(tmp_path, "images", "labels")
    put_text(tmp_path / "cats.yaml", "train: C:\\cats\\train\\images\nval: valid\\images\nnames: [cat, dog]\n")
    put_text(tmp_path / "hyp.yaml", "lr0: 0.01\n")
    check(open_dataset(str(tmp_path)), {"train": 1, "val": 1})


def test_roboflow_coco_root_category_is_no_class(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "pets", "supercategory": "none"},
        {"id": 1, "name": "cat", "supercategory": "pets"},
        {"id": 2, "name": "dog", "supercategory": "pets"},
    ]
    image = {"id": 0, "file_name": "a.jpg", "width": 100, "height": 50}
    box = {"id": 0, "image_id": 0, "category_id": 2, "bbox": [25, 12.5, 50, 25], "area": 1250, "iscrowd": 0}
    for split in ("train", "valid"):
        put_image(tmp_path / split / "a.jpg")
        content = coco_content(images=[image], annotations=[box], categories=categories)
        put_text(tmp_path / split / "_annotations.coco.json", json.dumps(content))
    source = open_dataset(str(tmp_path))
    check(source, {"train": 1, "val": 1})
    assert source.coco_ids("train")[1] == [1, 2]


def test_label_studio_coco(tmp_path: Path) -> None:
    put_image(tmp_path / "images/0a-x.jpg")
    image = {"id": 0, "file_name": "images\\0a-x.jpg", "width": 100, "height": 50}
    box = {"id": 0, "image_id": 0, "category_id": 1, "bbox": [25, 12.5, 50, 25], "area": 1250, "iscrowd": 0}
    categories = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    put_text(
        tmp_path / "result.json",
        json.dumps(coco_content(images=[image], annotations=[box], categories=categories)),
    )
    check(open_dataset(str(tmp_path)), {"all": 1})


def put_voc(image: Path, annotation: Path) -> None:
    put_image(image)
    put_annotation(annotation, voc_object("dog", BOX))


def test_labelimg_voc_beside_the_images(tmp_path: Path) -> None:
    for stem in ("a", "b"):
        put_voc(tmp_path / f"{stem}.jpg", tmp_path / f"{stem}.xml")
    put_image(tmp_path / "not_yet_labelled.jpg")
    put_text(tmp_path / "classes.txt", "cat\ndog\n")
    check(open_dataset(str(tmp_path)), {"all": 2})


def test_roboflow_voc(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        put_voc(tmp_path / split / f"{split}.jpg", tmp_path / split / f"{split}.xml")
    put_annotation(tmp_path / "train/train.xml", voc_object("dog", BOX), voc_object("cat", (0, 0, 1, 1)))
    source = open_dataset(str(tmp_path))
    assert (source.names, source.splits) == (("cat", "dog"), ("train", "val"))
    assert source.index("train").class_ids(0).tolist() == [1, 0]


def test_text_labels_count_where_images_have_both(tmp_path: Path) -> None:
    put_labelled(tmp_path / "a.jpg", tmp_path / "a.txt")
    put_annotation(tmp_path / "a.xml", voc_object("x", BOX))
    put_text(tmp_path / "classes.txt", "cat\ndog\n")
    check(open_dataset(str(tmp_path)), {"all": 1})


@pytest.mark.parametrize(
    ("images", "annotations"),
    [("JPEGImages", "Annotations"), ("jpegimages", "annotations"), ("images", "annotations"), ("Images", "xmls")],
)
def test_voc_folders_of_other_names(images: str, annotations: str, tmp_path: Path) -> None:
    put_voc(tmp_path / images / "a.jpg", tmp_path / annotations / "a.xml")
    put_text(tmp_path / "imagesets/main/train.txt", "a\n")
    put_text(tmp_path / "classes.txt", "cat\ndog\n")
    check(open_dataset(str(tmp_path)), {"train": 1})


@pytest.mark.parametrize("annotations", ["annotations/train", "annotations"])
def test_voc_images_in_folders_of_splits(annotations: str, tmp_path: Path) -> None:
    put_voc(tmp_path / "images/train/a.jpg", tmp_path / annotations / "a.xml")
    put_voc(tmp_path / "images/val/b.jpg", tmp_path / annotations.replace("train", "val") / "b.xml")
    put_text(tmp_path / "classes.txt", "cat\ndog\n")
    check(open_dataset(str(tmp_path)), {"train": 1, "val": 1})


def test_parent_of_vocdevkit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    year = tmp_path / "VOCdevkit/VOC2012"
    put_voc(year / "JPEGImages/a.jpg", year / "Annotations/a.xml")
    put_text(year / "ImageSets/Main/train.txt", "a\n")
    caplog.set_level("INFO")
    for folder in (tmp_path / "VOCdevkit", tmp_path):
        assert open_dataset(str(folder)).index("train").all_boxes_xyxy.tolist() == [BOX]
    assert f"the data set in it is read, {year}" in caplog.text
    other = tmp_path / "VOCdevkit/VOC2007"
    put_voc(other / "JPEGImages/a.jpg", other / "Annotations/a.xml")
    with pytest.raises(DataError, match=f"did you mean {other} or {year}"):
        open_dataset(str(tmp_path / "VOCdevkit"))


def test_darkmark(tmp_path: Path) -> None:
    project = tmp_path / "pets"
    for split in ("train", "valid"):
        put_labelled(project / f"set_01/{split}.jpg", project / f"set_01/{split}.txt")
        put_text(project / f"set_01/{split}.json", json.dumps({"image": {"scale": 1}, "mark": [], "version": "1.8"}))
        put_text(project / f"pets_{split}.txt", f"/home/me/nn/pets/set_01/{split}.jpg\n")
    put_text(project / "pets.names", "cat\ndog\n")
    here = "/home/me/nn/pets"
    lists = f"train = {here}/pets_train.txt\nvalid = {here}/pets_valid.txt\nnames = {here}/pets.names\n"
    put_text(project / "pets.data", f"classes = 2\n{lists}backup = {here}\n")
    check(open_dataset(str(project)), {"train": 1, "val": 1})


def test_kitti_and_openimages_are_refused_in_a_line(tmp_path: Path) -> None:
    row = "Car 0.00 0 -1.57 614.24 181.78 727.31 284.77 1.57 1.73 4.15 1.00 1.75 13.22 -1.62\n"
    put_labelled(tmp_path / "kitti/training/image_2/000000.png", tmp_path / "kitti/training/label_2/000000.txt", row)
    csv = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded\n0a,xclick,/m/01yrx,1,0.2,0.4,0.3,0.7,0\n"
    put_text(tmp_path / "oi/train-annotations-bbox.csv", csv)
    with pytest.raises(DataError, match=r"bbox.csv: is OpenImages' table of boxes, which is not read; write a .txt"):
        open_dataset(str(tmp_path / "oi/train-annotations-bbox.csv"))
    with pytest.raises(DataError, match=r"000000.txt: is a KITTI label file, which is not read; write a .txt"):
        open_dataset(str(tmp_path / "kitti/training/label_2/000000.txt"))
