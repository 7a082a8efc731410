"""Rank images by how uncertain a network's detections in them are, to choose which to label next."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yolo.storage import atomic_path
from yolo.text_table import align_columns

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolo.inference.results import Result

NUM_PRINTED = 10  # images


class _Row(NamedTuple):
    """An image and the uncertainty of its detections."""

    image: str
    frame: str  # number in the video, "" for an image
    uncertainty: float
    num_detections: int
    least_certain: str  # class and score of the detection whose score is nearest to .5

    @property
    def cells(self) -> tuple[str, ...]:
        return (f"{self.uncertainty:.4f}", str(self.num_detections), self.least_certain, self.image, self.frame)


HEADER = ("uncertainty", "detections", "least certain", "image", "frame")  # of `_Row.cells`


class UncertaintyWriter:
    """Write a table of all images, the least certain first, and print its beginning.

    Args:
        path: of the CSV file.
        score_threshold: minimum score of the detections.
    """

    def __init__(self, path: Path, score_threshold: float) -> None:
        self._path = path
        self._score_threshold = score_threshold
        self._rows: list[_Row] = []

    def write(self, result: Result) -> None:
        uncertainty = measure_uncertainty(result.scores, self._score_threshold)
        least_certain = ""
        if len(result):
            i = int(abs(result.scores - 0.5).argmin())
            least_certain = f"{result.names[i]} {result.scores[i]:.2f}"
        frame = result.frame
        number = str(frame.number) if frame.video else ""
        self._rows.append(_Row(frame.name, number, uncertainty, len(result), least_certain))

    def close(self) -> None:
        rows = [row.cells for row in sorted(self._rows, key=lambda row: -row.uncertainty)]
        with atomic_path(self._path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
        lines = align_columns([HEADER, *rows[:NUM_PRINTED]], left=(2, 3))
        num_hidden = len(rows) - NUM_PRINTED
        lines += [f"and {num_hidden} more in {self._path}"] if num_hidden > 0 else []
        sys.stdout.write("\n".join(lines) + "\n")


def measure_uncertainty(scores: npt.NDArray[np.floating], score_threshold: float) -> float:
    """Return the sum of 1 - |2p - 1| over the scores p of the detections in an image.

    A detection of score .5 counts 1, one of score 0 or 1 counts nothing. If scores are probabilities, half of the sum
    is the expected number of wrong decisions, where every p from .5 on is taken for an object. An image without
    detections counts as if it had one at the threshold, the most uncertain box that may have gone unseen.

    Args:
        scores: (N,) in 0..1.
        score_threshold: least score of a detection, 0..1.
    """
    seen = np.asarray(scores if len(scores) else [min(score_threshold, 0.5)], np.float64)
    return float((1 - abs(2 * seen - 1)).sum())
