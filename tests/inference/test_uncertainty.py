from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from yolo.boxes.detections import Detections
from yolo.inference.results import Result
from yolo.inference.sources.frame import Frame, Video
from yolo.inference.uncertainty import UncertaintyWriter, measure_uncertainty

if TYPE_CHECKING:
    from pathlib import Path


def result(name: str, scores: list[float], video: Video | None = None, number: int = 0) -> Result:
    found = Detections(torch.zeros(len(scores), 4), torch.tensor(scores), torch.arange(len(scores)))
    frame = Frame(np.zeros((8, 8, 3), np.uint8), name, video, number)
    return Result.from_detections(frame, found, ("red", "blue"))


@pytest.mark.parametrize(
    ("scores", "threshold", "expected"),
    [
        ([0.5], 0.25, 1.0),
        ([0.9, 0.25], 0.25, 0.7),  # .2 + .5
        ([1.0], 0.25, 0.0),
        ([], 0.25, 0.5),  # as one detection at the threshold
        ([], 0.8, 1.0),  # a box of score .5 would not have been seen
    ],
)
def test_uncertainty_of_an_image(scores: list[float], threshold: float, expected: float) -> None:
    assert measure_uncertainty(np.array(scores), threshold) == pytest.approx(expected)


def test_the_least_certain_image_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = UncertaintyWriter(tmp_path / "uncertain.csv", 0.25)
    for one in (
        result("sure.png", [0.95]),
        result("empty.png", []),
        result("torn.png", [0.9, 0.45]),
        result("v.mp4", [0.7], Video("v.mp4", 25), 3),
    ):
        writer.write(one)
    writer.close()
    rows = list(csv.reader((tmp_path / "uncertain.csv").read_text().splitlines()))
    assert rows == [
        ["uncertainty", "detections", "least certain", "image", "frame"],
        ["1.1000", "2", "blue 0.45", "torn.png", ""],
        ["0.6000", "1", "red 0.70", "v.mp4", "3"],
        ["0.5000", "0", "", "empty.png", ""],
        ["0.1000", "1", "red 0.95", "sure.png", ""],
    ]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "1.1000",
        "0.6000",
        "0.5000",
        "0.1000",
    ]


def test_only_the_first_images_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = UncertaintyWriter(tmp_path / "uncertain.csv", 0.25)
    for number in range(12):
        writer.write(result(f"{number}.png", [0.5]))
    writer.close()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12  # header, 10 images, the rest
    assert lines[-1] == f"and 2 more in {tmp_path / 'uncertain.csv'}"
    assert len((tmp_path / "uncertain.csv").read_text().splitlines()) == 13
