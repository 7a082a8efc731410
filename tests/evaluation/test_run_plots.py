from pathlib import Path

import cv2
import numpy as np
import pytest

from yolo.errors import DataError
from yolo.evaluation.run_plots import plot_results


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_plot_has_a_row_of_panels_per_four_columns(tmp_path: Path) -> None:
    # A metric that is measured every second epoch, a diverged loss, and a class, which has no panel.
    few = write(tmp_path / "few.csv", "epoch,train/box,metrics/mAP50,AP50-95/a\n1,0.5,,\n2,nan,0.25,0.5\n3,inf,,\n")
    many = write(tmp_path / "many.csv", "epoch,a,b,c,d,e\n1,1,2,3,4,5\n2,2,3,4,5,6\n")
    plot_results(few, tmp_path / "few.png")
    plot_results(many, tmp_path / "many.png")
    one_row, two_rows = cv2.imread(str(tmp_path / "few.png")), cv2.imread(str(tmp_path / "many.png"))
    assert one_row is not None
    assert two_rows is not None
    assert two_rows.shape == (2 * one_row.shape[0], one_row.shape[1], 3)
    blue = np.all(np.abs(one_row.astype(int) - (0xA8, 0x5F, 0x1F)) < 8, axis=2)
    # Points in the first two panels only.
    assert [part.any() for part in np.array_split(blue, 4, axis=1)] == [True, True, False, False]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["few.csv", "few.png", "many.csv", "many.png"]


def test_a_validation_loss_is_drawn_over_its_training_loss(tmp_path: Path) -> None:
    text = "epoch,train/box,train/class,val/box,metrics/mAP50,grad_norm\n1,3,2,4,0,1\n2,2,1,3,1,2\n"
    plot_results(write(tmp_path / "r.csv", text), tmp_path / "r.png")
    image = cv2.imread(str(tmp_path / "r.png"))
    assert image is not None
    for colour, panels in (((0xA8, 0x5F, 0x1F), [True] * 4), ((0x1F, 0x59, 0xD1), [True, False, False, False])):
        drawn = np.all(np.abs(image.astype(int) - colour) < 8, axis=2)
        assert [part.any() for part in np.array_split(drawn, 4, axis=1)] == panels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r.csv:1: no column 'epoch' in the header"),
        ("step,loss\n1,2\n", "r.csv:1: no column 'epoch' in the header"),
        ("epoch,loss\n", "r.csv: no epoch has finished yet"),
        ("epoch,loss\n1,2\n2\n", "r.csv:3: 1 cells, but the header names 2 columns"),
        ("epoch,loss\n1,2\n2,much\n", "r.csv:3: could not convert string to float: 'much'"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        plot_results(write(tmp_path / "r.csv", text), tmp_path / "r.png")
    assert str(caught.value).startswith(f"{tmp_path}/{message}")
    assert not (tmp_path / "r.png").exists()


def test_results_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_bytes(b"epoch,x\n1,\x85\n")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        plot_results(tmp_path / "results.csv", tmp_path / "results.png")
