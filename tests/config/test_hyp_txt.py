from __future__ import annotations

import logging
from pathlib import Path

import pytest

from yolo.config.hyp_txt import ORDER
from yolo.config.recipe import flatten_settings, with_values
from yolo.config.train_settings import TrainSettings
from yolo.errors import SettingsError
from yolo.training.read_settings import read_train_settings

# Each number says its place.
TEXT = """3.1 # giou
41
1.03
60.4
1.05
0.26
0.007
0.0008
0.909
0.0010
1.1 # focal loss

0.012
0.613
0.314
1.5
0.16
0.17
0.18
"""


def test_values_by_position(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "hyp.txt"
    path.write_text(TEXT)
    with caplog.at_level(logging.INFO):
        values = flatten_settings(read_train_settings(["--data", "x", "--hyp", str(path), "--cls", "30"]))
    expected = {"giou": 3.1, "cls": 30, "cls_pw": 1.03, "obj": 60.4, "obj_pw": 1.05, "iou_t": 0.26, "lr0": 0.007}
    expected |= {"momentum": 0.909, "weight_decay": 0.001, "fl_gamma": 1.1, "hsv_h": 0.012, "hsv_s": 0.613}
    expected |= {"hsv_v": 0.314, "degrees": 1.5, "translate": 0.16, "scale": 0.17, "shear": 0.18}
    assert values.items() >= expected.items()
    assert values["lrf"] == TrainSettings().schedule.lrf
    assert f"{path}: lrf 0.0008 is ignored" in caplog.text


def test_a_file_is_read_only_if_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hyp.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    assert read_train_settings(["--data", "x"]) == with_values(TrainSettings(), {"data": "x"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n2\n", "hyp.txt: 2 numbers; use 18, in this order: giou, cls, cls_pw, obj, obj_pw, iou_t, lr0, lrf, "),
        (TEXT + "5\n", "hyp.txt: 19 numbers; use 18"),
        (TEXT.replace("41", "giou: 41"), "hyp.txt:2: 'giou:' is not a number; a .txt recipe has one number per line"),
    ],
)
def test_invalid_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "hyp.txt").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_train_settings(["--hyp", str(tmp_path / "hyp.txt")])
    assert message in str(caught.value)


def test_every_name_is_a_setting() -> None:
    assert set(ORDER) <= set(flatten_settings(TrainSettings()))
