import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.data.formats.images import put_annotation, put_image, put_text, voc_object
from tests.dataset_tools.check.faulty import GOOD, make_faulty, noise
from tests.programs import call
from yolo.data.__main__ import main
from yolo.data.dataset import DetectionDataset, Item
from yolo.data.formats.open_dataset import open_dataset
from yolo.dataset_tools.check.check_dataset import CheckSettings
from yolo.dataset_tools.check.finding import CHECKS, Finding, Level, run_checks
from yolo.dataset_tools.check.scan import DatasetScan
from yolo.dataset_tools.check.scan_dataset import scan_dataset


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_faulty(tmp_path_factory.mktemp("faulty"))


def findings_of(data: Path) -> tuple[DatasetScan, dict[str, Finding]]:
    assert CheckSettings(data="x")  # whose import registers the checks
    scan = scan_dataset(open_dataset(str(data)))
    return scan, {finding.check.name: finding for finding in run_checks(scan)}


EXPECTED = {  # name of the check: count, first example
    "list": (1, "my.data:3: 'nowhere.txt': no such image list"),
    "missing-image": (1, "train.txt:10: 'images/none.jpg': no such image here or in"),
    "label-file": (1, "labels/latin.txt: is not UTF-8"),
    "row": (3, "labels/rows.txt:1: '0 0.5 0.5 0.4': has 4 columns"),
    "class": (1, "labels/rows.txt:4: class id 9, but there are 4 classes"),
    "missing-label": (1, "images/bare.jpg: no label file"),
    "orphan": (1, "labels/orphan.txt: no image"),
    "corrupt": (1, "images/text.jpg: is not an image"),
    "truncated": (1, "images/cut.jpg: image file is truncated"),
    "leakage": (1, "images/png.jpg: in train; in val as .*leak.jpg"),
    "duplicate": (2, "images/copy.jpg: the same as .*good.jpg"),
    "same-pixels": (1, "images/packed.png: the same as .*plain.png"),
    "extension": (2, "images/png.jpg: is a .png file"),
    "exif": (1, "images/turned.jpg: 50 x 100 px"),
    "zero-size": (2, "labels/boxes.txt:2: cat: 0 x 200 px"),
    "outside": (1, "labels/boxes.txt:4: cat: by 10 px"),
    "duplicate-box": (1, "labels/boxes.txt:5: cat: the same as .*boxes.txt:1"),
    "near-duplicate-box": (1, "labels/boxes.txt:6: cat: IoU 0.975 with the cat of .*boxes.txt:1"),
    "two-classes": (2, "labels/boxes.txt:7: bird: IoU 0.950 with the cat of .*boxes.txt:1"),
    "tiny": (1, "labels/boxes.txt:10: dog: 4 x 50 px, 1.7 px"),
    "polygon": (1, "labels/boxes.txt:9: dog: 100 x 100 px"),
    "edge": (2, "labels/boxes.txt:4"),
    "no-training-example": (1, "fish: no object in train"),
    "no-validation-example": (3, "dog: no object in val"),
    "few": (3, "cat: 1. objects"),
}


def test_every_fault_is_found_with_its_place(faulty: Path) -> None:
    _, findings = findings_of(faulty)
    assert {name: finding.count for name, finding in findings.items()} == {n: c for n, (c, _) in EXPECTED.items()}
    for name, (_, first) in EXPECTED.items():
        example = findings[name].examples[0]
        assert re.search(first, f"{example.where}: {example.text}"), (name, example)


def test_errors_come_first_and_every_check_has_a_sentence(faulty: Path) -> None:
    levels = [list(Level).index(finding.check.level) for finding in findings_of(faulty)[1].values()]
    assert levels == sorted(levels)
    assert {check.name for check in CHECKS} == EXPECTED.keys() | {"imbalance", "meaning", "no-label"}
    assert all(check.effect.endswith(".") and not check.title.endswith(".") for check in CHECKS)


def test_a_clean_set_is_status_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / "images").mkdir(exist_ok=True)
        noise(seed).save(tmp_path / f"images/{name}.jpg")
        put_text(tmp_path / f"labels/{name}.txt", GOOD)
    put_text(tmp_path / "my.names", "cat\n")
    put_text(tmp_path / "train.txt", "images/a.jpg\n")
    put_text(tmp_path / "val.txt", "images/b.jpg\n")
    data = put_text(tmp_path / "my.data", "train = train.txt\nvalid = val.txt\nnames = my.names\n")
    assert call(monkeypatch, main, "check", data) == 0
    text = capsys.readouterr().out
    assert "2 images (train 1, val 1), 2 boxes, 1 classes" in text
    assert text.endswith("no error, no warning\n")


def test_the_program_says_it_and_ends_with_1(
    faulty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, main, "check", faulty) == 1
    text = capsys.readouterr().out
    assert "error: boxes without area: 2\n" in text
    assert f"  {faulty.parent}/labels/boxes.txt:2: cat: 0 x 200 px\n" in text
    assert "11 kinds of error, 11 kinds of warning; --fix OUT" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "--data nowhere: no such data set"),
        (["shapes", "--report", "a.pdf"], "--report a.pdf: use a name that ends in .html or .png"),
        (["shapes", "--fix", "."], "--fix .: already exists"),
        (["shapes", "--cfg", "darknet19"], "no head with anchors"),
    ],
)
def test_usage_errors_are_status_2(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, main, "check", *arguments) == 2
    assert message in capsys.readouterr().err


def test_small_boxes_of_a_network_input_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Boxes of 40 x 10 pixels in an image of 832 x 100: 10 x 5 px of an input of 416, square root of the area 10.
    put_image(tmp_path / "a.png", 832, 100)
    put_text(tmp_path / "a.txt", "0 0.5 0.5 0.048077 0.1\n0 0.2 0.5 0.048077 0.1\n0 0.8 0.5 0.4 0.8\n")
    put_text(tmp_path / "my.data", "train = t.txt\nnames = n.names\n")
    put_text(tmp_path / "t.txt", "a.png\n")
    put_text(tmp_path / "n.names", "cat\n")
    assert call(monkeypatch, main, "check", tmp_path / "my.data", "--cfg", "yolov4-tiny") == 0
    (message,) = caplog.messages
    assert message.startswith("yolov4-tiny.cfg: 67% of the boxes are under 12 px (square root of the area) in an input")
    assert "--tile" in message


def test_fix_writes_a_copy_that_checks_clean_and_trains(faulty: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in faulty.parent.rglob("*.*")}
    settings = ["check", str(faulty), "--fix", str(tmp_path / "out")]
    with pytest.MonkeyPatch.context() as patch:
        assert call(patch, main, *settings) == 1
    assert {path: path.read_bytes() for path in faulty.parent.rglob("*.*")} == before
    data = tmp_path / "out" / "out.data"
    scan, findings = findings_of(data)
    assert {name for name, finding in findings.items() if finding.check.level is Level.ERROR} == set()
    assert findings.keys() == {
        "exif", "near-duplicate-box", "two-classes", "tiny", "edge", "few", "no-training-example",
        "no-validation-example",
    }  # fmt: skip
    names = {split: sorted(scan.paths[i].name for i in numbers) for split, numbers in scan.splits.items()}
    assert names["val"] == ["leak.png", "val.jpg"]
    assert names["train"] == ["bare.jpg", "boxes.png", "good.jpg", "plain.png", "rows.jpg", "turned.jpg"]
    turned = tmp_path / "out/images/turned.jpg"
    assert turned.read_bytes() == (faulty.parent / "images/turned.jpg").read_bytes()
    index = open_dataset(str(data)).index("train")
    boxes = index.boxes_xyxy([index.path(i).name for i in range(len(index))].index("boxes.png"))
    np.testing.assert_allclose(boxes[1], [790, 150, 1000, 350], atol=1e-4)  # clipped
    np.testing.assert_allclose(boxes[5], [700, 50, 800, 150], atol=1e-4)  # was a polygon
    assert len(boxes) == 7
    dataset = DetectionDataset(index=index, size=64, augment=None, seed=0)
    assert all(isinstance(dataset[0, i], Item) for i in range(len(dataset)))
    changes = (tmp_path / "out/changes.txt").read_text()
    assert "images removed from a split: " in changes
    assert f"boxes clipped to their image: {faulty.parent}/labels/boxes.txt:4\n" in changes
    assert f"rows dropped: {faulty.parent}/labels/rows.txt:1: '0 0.5 0.5 0.4'" in changes


def test_reports(faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.html", "a.png"):
        report = ["--report", tmp_path / name, "--cfg", "yolov4-tiny"]
        assert call(monkeypatch, main, "check", faulty, *report) == 1
    text = (tmp_path / "a.html").read_text()
    assert all(f'id="{name}"' in text for name in EXPECTED)
    assert "http" not in text  # nothing beside it
    (plots,) = re.findall(r"image/png;base64,([^\"]+)", text)
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(plots), np.uint8), cv2.IMREAD_COLOR)
    alone = cv2.imread(str(tmp_path / "a.png"))
    assert decoded is not None
    assert alone is not None
    assert np.array_equal(decoded, alone)
    assert text.count("image/jpeg;base64") > 10


def test_voc_mistakes(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b", "c")):
        put_image(tmp_path / f"JPEGImages/{name}.jpg", 100 + number)
    twice = voc_object("dog", (10, 5, 60, 45))
    nameless = "<object>\n<bndbox/></object>\n"
    put_annotation(tmp_path / "Annotations/a.xml", twice, twice, nameless, voc_object("cow", (1, 2, 1, 9)))
    put_text(tmp_path / "Annotations/b.xml", "<annotation>\n<object>")
    put_annotation(tmp_path / "Annotations/lost.xml", twice)
    put_text(tmp_path / "ImageSets/Main/train.txt", "a\nb\nc\nnone\n")
    put_text(tmp_path / "ImageSets/Main/dog_train.txt", "a 1\n")
    scan, findings = findings_of(tmp_path)
    assert scan.names == ("cow", "dog")
    assert scan.splits.keys() == {"train"}
    places = {name: finding.examples[0].where for name, finding in findings.items()}
    assert places["duplicate-box"] == f"{tmp_path}/Annotations/a.xml:4"
    assert places["row"] == f"{tmp_path}/Annotations/a.xml:6"
    assert places["zero-size"] == f"{tmp_path}/Annotations/a.xml:8"
    assert places["label-file"] == f"{tmp_path}/Annotations/b.xml:2"
    assert places["missing-label"] == f"{tmp_path}/JPEGImages/c.jpg"
    assert places["missing-image"] == f"{tmp_path}/ImageSets/Main/train.txt:4"
    assert places["orphan"] == f"{tmp_path}/Annotations/lost.xml"


def test_empty_lists_do_not_stop_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_text(tmp_path / "my.names", "cat\n")
    put_text(tmp_path / "train.txt", "")
    data = put_text(tmp_path / "my.data", "train = train.txt\nnames = my.names\n")
    assert call(monkeypatch, main, "check", data, "--report", tmp_path / "a.html") == 0
    assert findings_of(data)[1].keys() == {"no-training-example"}


def test_every_bad_row_of_a_data_yaml_is_found_and_the_copy_is_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, split in enumerate(("train", "val")):
        image = tmp_path / "set" / split / "images" / f"{split}.png"
        image.parent.mkdir(parents=True)
        noise(number).save(image)
        put_text(tmp_path / "set" / split / "labels" / f"{split}.txt", "0 .5 .5 .2 .2\nx 1 2\n7 .5 .5 .2 .2\n")
    put_text(tmp_path / "set" / "data.yaml", "train: train/images\nval: val/images\nnames: [cat]\n")
    _, found = findings_of(tmp_path / "set")
    assert (found["row"].count, found["class"].count) == (2, 2)
    assert call(monkeypatch, main, "check", tmp_path / "set", "--fix", tmp_path / "new") == 1
    assert len(open_dataset(str(tmp_path / "new" / "data.yaml")).index("train").all_class_ids) == 1
