"""The test program with a network that detects only cells of 32 x 32 pixels filled with red or green."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.distributed.ranks import run_ranks
from tests.programs import call
from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.checkpoints.loading import load_model
from yolo.config.recipe import flatten_settings, with_values
from yolo.config.train_settings import TrainSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.data.formats.open_dataset import open_dataset
from yolo.evaluation.evaluate_model import evaluate_model
from yolo.evaluation.run_test import read_split
from yolo.model.network import Darknet
from yolo.test import main, read_test_settings

CFG = """[net]
width=64
height=64
channels=3
[convolutional]
filters=7
size=32
stride=32
activation=linear
[yolo]
mask=0
anchors=32,32
classes=2
num=1
"""
RED, GREEN = 10, 90  # category ids
GROUND_TRUTH = [  # image id, category, x y w h, crowd, painted colour (BGR)
    (7, RED, (0, 0, 32, 32), 0, (0, 0, 255)),
    (7, GREEN, (32, 32, 28, 32), 0, (0, 200, 0)),  # IoU .875
    (9, RED, (40, 0, 24, 32), 0, (0, 0, 150)),  # IoU .75
    (9, GREEN, (0, 32, 32, 32), 0, None),  # not painted: missed
    (12, GREEN, (0, 0, 32, 64), 1, (0, 230, 0)),  # a crowd, its upper half painted
    (12, RED, (32, 0, 32, 32), 0, (0, 255, 0)),  # painted in the other colour
]
METRICS = "map50_95 map50 map75 map_small map_medium map_large recall_1 recall_10 recall_100 recall_small recall_medium"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Network, weights and a COCO data set, in the current folder."""
    (tmp_path / "net.cfg").write_text(CFG)
    model = Darknet.from_cfg(CfgFile.read(tmp_path / "net.cfg"))
    convolution = next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d))
    with torch.no_grad():
        convolution.weight.zero_()
        assert convolution.bias is not None
        convolution.bias.zero_()
        for channel, row in ((0, 5), (1, 6)):  # RGB
            convolution.weight[row, channel] = 6 / 1024
            convolution.weight[4, channel] = 8 / 1024
        convolution.bias[4:] = torch.tensor([-4.0, -3, -3])
    model.save_weights(tmp_path / "net.weights")
    images = {image_id: np.zeros((64, 64, 3), np.uint8) for image_id, *_ in GROUND_TRUTH}
    for image_id, _, (x, y, _, _), _, colour in GROUND_TRUTH:
        if colour:
            left, top = 32 * round(x / 33), 32 * round(y / 33)
            images[image_id][top : top + 32, left : left + 32] = colour
    (tmp_path / "coco" / "annotations").mkdir(parents=True)
    (tmp_path / "coco" / "val").mkdir()
    for image_id, image in images.items():
        cv2.imwrite(str(tmp_path / "coco" / "val" / f"{image_id}.png"), image)
    content = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 64, "height": 64} for i in images],
        "categories": [{"id": RED, "name": "red"}, {"id": GREEN, "name": "green"}],
        "annotations": [
            {"id": n, "image_id": i, "category_id": k, "bbox": box, "area": 0.9 * box[2] * box[3], "iscrowd": crowd}
            for n, (i, k, box, crowd, _) in enumerate(GROUND_TRUTH, start=1)
        ],
        "info": {},
    }
    (tmp_path / "coco" / "annotations" / "instances_val.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    common = ["--weights", "net.weights", "--cfg", "net.cfg", "--data", "coco", "--workers", "0", "--device", "cpu"]
    return call(monkeypatch, main, *common, *arguments)


def test_pycocotools_gives_the_same_metrics_for_the_result_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, cocoeval = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    assert run(monkeypatch, "--nosave", "--save-json", "--json", "scores.json") == 0
    scores = json.loads((folder / "scores.json").read_text())
    assert [path.name for path in (folder / "runs" / "test").iterdir()] == ["detections.json"]
    table = capsys.readouterr().out
    with contextlib.redirect_stdout(io.StringIO()):
        coco_gt = coco.COCO(str(folder / "coco" / "annotations" / "instances_val.json"))
        result = cocoeval.COCOeval(coco_gt, coco_gt.loadRes(str(folder / "runs" / "test" / "detections.json")), "bbox")
        result.evaluate()
        result.accumulate()
        result.summarize()
    theirs = [None if number == -1 else pytest.approx(number, abs=1e-9) for number in result.stats[:11]]
    assert [scores[name] for name in METRICS.split()] == theirs
    assert 0.3 < scores["map50_95"] < 0.9
    assert f"precision (AP)  {scores['map50_95']:.3f}" in table
    assert "at most 100 detections per image" in table


def test_report_and_label_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--save-txt", "--save-hybrid") == 0
    made = folder / "runs" / "test"
    assert {path.name for path in made.iterdir()} == {
        *("report.html", "metrics.json", "labels", "hybrid"),
        *("pr_curve.png", "confidence_curves.png", "confusion.png", "errors.png"),
    }
    assert [(made / "labels" / f"{i}.txt").read_text().count("\n") for i in (7, 9, 12)] == [2, 1, 2]
    hybrid = [(made / "hybrid" / f"{i}.txt").read_text().splitlines() for i in (7, 9, 12)]
    assert [len(rows) for rows in hybrid] == [
        2,
        2,
        1,
    ]  # both of image 12 overlap a label
    assert hybrid[1][1].startswith("1 0.25")  # a label without a detection
    metrics = json.loads((made / "metrics.json").read_text())
    counts = {kind: row["count"] for kind, row in metrics["errors"].items() if row["count"]}
    assert counts == {"class": 1, "missed": 1}
    assert set(metrics["speed_ms"]) == {"load", "forward", "nms", "images"}
    page = (made / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 4
    assert page.count('src="data:image/jpeg;base64,') == 2  # the images with errors
    assert "http" not in page.split("<body>")[1]
    assert run(monkeypatch) == 0
    assert (folder / "runs" / "test-2" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--metric", "voc"], {"mean_ap": (1 + 1 / 4) / 2, "tp": 3, "fp": 1, "fn": 2}),
        (["--metric", "darknet"], {"tp": 3, "fp": 2, "fn": 2, "iou": 0.5}),
        (["--metric", "darknet", "--match-iou", "0.8", "--points", "11"], {"tp": 2, "fp": 3, "fn": 3, "iou": 0.8}),
        (["--augment"], {"images": 3, "truths": 5}),
        (["--rect", "--split", "val"], {"images": 3, "truths": 5}),
    ],
)
def test_metrics_augmentation_and_rect(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: dict[str, float]
) -> None:
    assert run(monkeypatch, "--nosave", "--json", "scores.json", *arguments) == 0
    scores = json.loads((folder / "scores.json").read_text())
    assert {name: scores[name] for name in expected} == pytest.approx(expected)
    assert not (folder / "runs").exists()


def test_size_study(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--task", "study", "--study-sizes", "64", "96") == 0
    made = folder / "runs" / "test"
    assert {path.name for path in made.iterdir()} == {"study.png", "study.json"}
    rows = json.loads((made / "study.json").read_text())
    assert [row.split()[0] for row in capsys.readouterr().out.splitlines()] == ["size", "64", "96"]
    assert rows["64"]["map50"] > rows["96"]["map50"] >= 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--match-iou", "0.75"], "--match-iou 0.75 does not work with --metric coco"),
        (["--points", "11"], "--points 11 works only with --metric darknet"),
        (["--metric", "darknet", "--augment"], "--augment does not work with --metric darknet"),
        (["--task", "study", "--save-txt"], "--task study does not work with --save-json"),
        (["--study-sizes", "64"], "--study-sizes 64 works only with --task study"),
        (["--task", "study", "--metric", "voc"], "--task study does not work with --metric voc"),
        (["--rect", "--fit", "stretch"], "--rect does not work with --fit stretch"),
        (["--metric", "darknet", "--rect"], "--rect does not work with --metric darknet"),
        (["--conf", "1"], "--conf 1.0: use a number from 0 to below 1"),
        (["--task", "test"], "coco: no split 'test'; it has: val"),
    ],
)
def test_unusable_settings_are_refused(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert f"error: {message}" in capsys.readouterr().err
    assert not (folder / "runs").exists()


def test_number_of_classes_must_match(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--single-cls") == 2
    message = "coco has 1 classes, but net.cfg has 2: use the cfg that the weights were trained with"
    assert message in capsys.readouterr().err


def test_the_data_set_is_that_of_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    settings = flatten_settings(with_values(TrainSettings(), {"data": "coco"}))
    model, _ = load_model("net.cfg", "net.weights", torch.device("cpu"))
    cfg = {"cfg": CFG, "names": ["red", "green"], "settings": settings}
    save_checkpoint(folder / "best.pt", {**cfg, "model": model.state_dict(), "images_seen": 0})
    arguments = ["--workers", "0", "--device", "cpu", "--nosave", "--json", "scores.json"]
    assert call(monkeypatch, main, "--weights", "best.pt", "--img-size", "64", *arguments) == 0
    assert json.loads((folder / "scores.json").read_text())["images"] == 3
    assert caplog.messages[0] == "--data coco: that of the run that wrote best.pt"
    assert call(monkeypatch, main, "--weights", "net.weights", "--cfg", "net.cfg", *arguments) == 2
    assert "--data: net.weights does not say which data set it was trained on; give one" in capsys.readouterr().err


def evaluate(folder: str, metric: str) -> dict[str, object]:
    os.chdir(folder)
    arguments = ["--weights", "net.weights", "--cfg", "net.cfg", "--data", "coco", "--workers", "0", "--metric", metric]
    given = read_test_settings(arguments)
    model, _ = load_model(given.cfg, given.weights, torch.device("cpu"))
    settings = given.resolved(model.net.width, model.net.height)
    return evaluate_model(
        settings,
        model,
        read_split(open_dataset(settings.data), settings.split or "val", model, single_cls=settings.single_cls),
    ).as_json()


@pytest.mark.parametrize("metric", ["coco", "darknet"])
def test_two_processes_share_the_images_and_return_the_metrics_of_one(folder: Path, metric: str) -> None:
    expected = evaluate(str(folder), metric)
    assert run_ranks(evaluate, 2, str(folder), metric) == [expected] * 2
