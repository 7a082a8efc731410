from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.programs import call
from tests.spots import BLUE, RED, paint, write_spot_network
from yolo.data.__main__ import main
from yolo.data.labels import format_yolo
from yolo.evaluation.suspects.find_suspects import SUSPECT_KINDS

Spot = tuple[int, int, int]  # left, top, class

SPOTS: list[Spot] = [(8, 8, RED), (24, 8, RED), (8, 24, BLUE), (40, 40, BLUE)]
LABELS: dict[str, list[Spot]] = {
    "missing": SPOTS[1:],
    "right": SPOTS,
    "spurious": [*SPOTS, (48, 8, RED)],
    "swapped": [(8, 8, BLUE), (24, 8, BLUE), *SPOTS[2:]],
}
REASONS = {
    "missing": "1 missing: red 1.00",
    "spurious": "1 spurious: red",
    "swapped": "2 class: red 1.00 labelled blue, red 1.00 labelled blue",
}


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags that name a network, in a working folder with a data set whose images are equal and whose labels differ."""
    monkeypatch.chdir(tmp_path)
    for name, spots in LABELS.items():
        for folder in ("images", "labels"):
            (tmp_path / "set" / folder / "train").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(f"set/images/train/{name}.png", paint((64, 64), SPOTS))
        boxes_xyxy = np.array([[left, top, left + 8, top + 8] for left, top, _ in spots], float)
        text = format_yolo(boxes_xyxy, np.array([spot[2] for spot in spots]), (64, 64))
        Path(f"set/labels/train/{name}.txt").write_text(text)
    Path("set/data.yaml").write_text("train: images/train\nnames: [red, blue]\n")
    cfg, weights, _ = write_spot_network(tmp_path)
    return ["--cfg", str(cfg), "--weights", str(weights), "--workers", "0"]


def test_worst_images_are_printed_and_written(
    network: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, main, "suspects", "set", *network, "--worst", "2") == 0
    rows = list(csv.DictReader(Path("runs/suspects/suspects.csv").read_text().splitlines()))
    order = [Path(row["image"]).stem for row in rows]
    assert order[-1] == "right"
    counts = {Path(row["image"]).stem: [int(row[kind]) for kind in SUSPECT_KINDS] for row in rows}
    assert counts == {
        "missing": [1, 0, 0, 0],
        "right": [0, 0, 0, 0],
        "spurious": [0, 0, 0, 1],
        "swapped": [0, 2, 0, 0],
    }
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["score", "loss", "image", "suspect", "boxes"]
    assert [tuple(line.split(maxsplit=3)[2:]) for line in lines] == [
        (f"{name}.png", REASONS[name]) for name in order[:2]
    ]
    drawings = sorted(path.name for path in Path("runs/suspects").glob("*.jpg"))
    assert drawings == [f"001_{order[0]}.jpg", f"002_{order[1]}.jpg"]


def test_score_is_suspicion_and_loss_relative_to_their_means(
    network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(monkeypatch, main, "suspects", "set", *network, "--worst", "0") == 0
    rows = list(csv.DictReader(Path("runs/suspects/suspects.csv").read_text().splitlines()))
    losses = np.array([float(row["loss"]) for row in rows])
    boxes = [json.loads(row["boxes"]) for row in rows]
    suspicions = np.array([sum(box["suspicion"] for box in of_image) for of_image in boxes])
    expected = losses / losses.mean() + suspicions / suspicions.mean()
    np.testing.assert_allclose([float(row["score"]) for row in rows], expected, atol=1e-3)
    assert expected.tolist() == sorted(expected, reverse=True)
    of_kind = {box["kind"]: box for of_image in boxes for box in of_image}
    assert of_kind["missing"]["detection"]["xyxy"] == pytest.approx([8, 8, 16, 16], abs=0.1)
    assert of_kind["spurious"]["label"] == {"class": "red", "xyxy": [48, 8, 56, 16]}


def test_description_names_the_first_boxes_of_a_kind(
    network: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite("set/images/train/missing.png", paint((64, 64), [(left, 56, RED) for left in range(0, 48, 8)]))
    Path("set/labels/train/missing.txt").unlink()
    assert call(monkeypatch, main, "suspects", "set", *network, "--out", "mine") == 0
    assert "missing.png   6 missing: red 1.00, red 1.00, red 1.00, red 1.00, ...\n" in capsys.readouterr().out
    assert len(list(Path("mine").glob("*_missing.jpg"))) == 1


def test_network_of_other_classes_is_refused(
    network: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("set/data.yaml").write_text("train: images/train\nnames: [red, blue, green]\n")
    assert call(monkeypatch, main, "suspects", "set", *network) == 2
    assert "has 3 classes, but" in capsys.readouterr().err
    assert not Path("runs").exists()
