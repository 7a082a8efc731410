import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolo.errors import DataError
from yolo.evaluation.coco import ClassMetrics, CocoMetrics
from yolo.evaluation.plots import draw_curves
from yolo.evaluation.report import plot_results
from yolo.evaluation.tables import format_table


def metrics(*classes: ClassMetrics) -> CocoMetrics:
    return CocoMetrics(
        images=12,
        truths=345,
        map50=0.5,
        map75=0.4,
        map50_95=1 / 3,
        precision=0.75,
        recall=0.25,
        confidence=0.4,
        classes=classes,
    )


def test_table() -> None:
    nan = math.nan
    table = format_table(
        metrics(
            ClassMetrics(
                name="red cell", images=12, truths=340, map50=0.9, map50_95=0.62549, precision=1.0, recall=0.1234
            ),
            ClassMetrics(name="none", images=0, truths=0, map50=nan, map50_95=nan, precision=nan, recall=nan),
            ClassMetrics(name="x", images=5, truths=5, map50=0.1, map50_95=0.0, precision=0.5, recall=0.5),
        )
    )
    assert table.splitlines() == [
        "class     images  objects      P      R  mAP50  mAP50-95",
        "all           12      345  0.750  0.250  0.500     0.333",
        "red cell      12      340  1.000  0.123  0.900     0.625",
        "x              5        5  0.500  0.500  0.100     0.000",
        "1 of 3 classes have no object in this split and are left out",
    ]


def test_table_without_numbers() -> None:
    nan = math.nan
    empty = CocoMetrics(
        images=0, truths=0, map50=nan, map75=nan, map50_95=nan, precision=nan, recall=nan, confidence=nan, classes=()
    )
    assert format_table(empty).splitlines()[1].split() == ["all", "0", "0", "-", "-", "-", "-"]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_plot_has_a_row_of_panels_per_four_columns(tmp_path: Path) -> None:
    # A metric that is measured every second epoch only, a diverged loss, and a class, which has no panel.
    few = write(tmp_path / "few.csv", "epoch,train/box,metrics/mAP50,AP50-95/a\n1,0.5,,\n2,nan,0.25,0.5\n3,inf,,\n")
    many = write(tmp_path / "many.csv", "epoch,a,b,c,d,e\n1,1,2,3,4,5\n2,2,3,4,5,6\n")
    plot_results(few, tmp_path / "few.png")
    plot_results(many, tmp_path / "many.png")
    one_row, two_rows = cv2.imread(str(tmp_path / "few.png")), cv2.imread(str(tmp_path / "many.png"))
    assert one_row is not None
    assert two_rows is not None
    assert two_rows.shape == (2 * one_row.shape[0], one_row.shape[1], 3)
    blue = np.all(np.abs(one_row.astype(int) - (0xA8, 0x5F, 0x1F)) < 8, axis=2)
    # Points in the first two panels and nowhere else.
    assert [part.any() for part in np.array_split(blue, 4, axis=1)] == [True, True, False, False]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["few.csv", "few.png", "many.csv", "many.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r.csv:1: no column 'epoch' in the header"),
        ("step,loss\n1,2\n", "r.csv:1: no column 'epoch' in the header"),
        ("epoch,loss\n", "r.csv: no epoch has ended yet"),
        ("epoch,loss\n1,2\n2\n", "r.csv:3: 1 cells, but the header names 2 columns"),
        ("epoch,loss\n1,2\n2,much\n", "r.csv:3: could not convert string to float: 'much'"),
    ],
)
def test_files_that_cannot_be_drawn(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        plot_results(write(tmp_path / "r.csv", text), tmp_path / "r.png")
    assert str(caught.value).startswith(f"{tmp_path}/{message}")
    assert not (tmp_path / "r.png").exists()


def test_curves_are_drawn_for_classes_with_truth() -> None:
    def row(name: str, truths: int, curve: tuple[float, ...]) -> ClassMetrics:
        numbers = {"map50": 0.5, "map50_95": 0.4, "precision": 0.5, "recall": 0.5}
        return ClassMetrics(name=name, images=truths, truths=truths, **numbers, curve50=curve)

    without = draw_curves(metrics(row("none", 0, ())))
    one = draw_curves(metrics(row("none", 0, ()), row("cell", 4, (1.0,) * 101)))
    assert one.shape == without.shape == (550, 770, 3)
    assert one.dtype == np.uint8
    blue = np.array((0xA8, 0x5F, 0x1F))  # of the mean, BGR
    drawn = (one == blue).all(axis=2)
    assert not (without == blue).all(axis=2).any()
    assert np.ptp(np.nonzero(drawn)[1]) > 300  # from recall 0 to 1
