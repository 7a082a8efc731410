import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.data.formats.images import put_image, put_text
from tests.programs import call
from yolo.anchors import main
from yolo.config.recipe import with_values
from yolo.config.train_settings import TrainSettings
from yolo.model.graph import read_graph
from yolo.model.head_anchors import head_anchors, num_anchors, with_anchors
from yolo.training.build_training import build_training


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("yolo.dataset_tools.anchor_fitting.GENERATIONS", 50)
    for number in range(4):
        put_image(tmp_path / f"images/{number}.png", 200, 100)
        rows = "".join(f"0 0.5 0.5 {0.1 * n} {0.05 * (n + number)}\n" for n in range(1, 6))
        put_text(tmp_path / f"labels/{number}.txt", rows)
    put_text(tmp_path / "train.txt", "".join(f"images/{number}.png\n" for number in range(4)))
    put_text(tmp_path / "my.names", "cat\n")
    put_text(tmp_path / "empty.txt", "images/none.png\n")
    put_image(tmp_path / "images/none.png")
    return put_text(tmp_path / "my.data", "train = train.txt\nval = empty.txt\nnames = my.names\n")


def test_the_table_and_the_files(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--out", tmp_path / "new.cfg", "--plot", tmp_path / "a.png"]
    assert call(monkeypatch, main, "--cfg", "yolov3-tiny", "--data", data, "--img-size", 320, *files) == 0
    text = capsys.readouterr().out
    assert text.startswith("20 boxes of 'train' in 320 x 320 px\n")
    before, after = (list(map(float, re.findall(r"[\d.]+", line))) for line in re.findall(r"(?:before|after) .*", text))
    assert before[0] == after[0] == 6
    assert after[1] >= before[1]
    assert after[3] > before[3] + 0.1
    stated = text.splitlines()[-1]
    assert stated in (tmp_path / "new.cfg").read_text()
    numbers = list(map(float, re.findall(r"[\d.]+", stated)))
    assert head_anchors(read_graph(tmp_path / "new.cfg")).ravel().tolist() == numbers
    assert cv2.imread(str(tmp_path / "a.png")) is not None
    again = call(monkeypatch, main, "--cfg", "yolov3-tiny", "--data", data, *files)
    assert again == 2
    assert "new.cfg: already exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num", 1], "--num 1: use 2 or more, one a head"),
        (["--iou-t", 1], "--iou-t 1.0: use a number from 0 to below 1"),
        (["--plot", "a.pdf"], "--plot a.pdf: use a name that ends in .png"),
        (["--split", "val"], "the split 'val' has no boxes"),
        (["--cfg", "darknet19"], "no head with anchors"),
    ],
)
def test_mistakes(
    arguments: list[object],
    message: str,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(monkeypatch, main, "--cfg", "yolov3-tiny", "--data", data, *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("largest", "is_poor"), [(5.0, True), (120.0, False)])
def test_training_warns_of_anchors_that_fit_badly(
    largest: float, is_poor: bool, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_text(tmp_path / "val.txt", "images/0.png\n")
    put_text(tmp_path / "my.data", "train = train.txt\nval = val.txt\nnames = my.names\n")
    shipped = read_graph("shapes")
    anchors = np.geomspace(4, largest, num_anchors(shipped))[:, None] * np.array([1.5, 0.6])
    with_anchors(shipped, anchors).cfg.write(tmp_path / "my.cfg")
    cfg = str(tmp_path / "my.cfg")
    chosen = {"cfg": cfg, "data": str(data), "workers": 0, "project": str(tmp_path / "runs"), "device": "cpu"}
    build_training(with_values(TrainSettings(), chosen))
    assert (f"python -m yolo.anchors --cfg {cfg}" in caplog.text) is is_poor
