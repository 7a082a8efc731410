from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.model.test_network import SMALL, SMALL_VALUES
from tests.programs import call
from yolo.darknet.cfg_file import CfgFile
from yolo.model.network_summary import describe
from yolo.storage import shipped_names
from yolo.summary import format_summary, main


def test_the_table_reads_as_written() -> None:
    cfg = CfgFile.parse(SMALL.replace("stride=2\npad=1", "stride=2\npad=1\nwarp=9"), "small.cfg")
    assert list(format_summary(describe(cfg))) == [
        "layer  type           filters  size  from        output  values  BFLOPs  MMACs  field  jump",
        "    0  convolutional        4  3/2          16 x 16 x 4     124   0.000    0.0      3     2",
        "    1  convolutional       18  1/1         16 x 16 x 18      90   0.000    0.0      3     2",
        "    2  yolo                                16 x 16 x 18                             3     2",
        "    3  route                         0      16 x 16 x 4                             3     2",
        "    4  convolutional       18  1/2           8 x 8 x 18      90   0.000    0.0      3     4",
        "    5  yolo                                  8 x 8 x 18                             3     4",
        "",
        "small.cfg, input 32 x 32 x 3",
        f"6 layers, {SMALL_VALUES} parameters ({SMALL_VALUES - 8} trainable)",
        f".weights: {20 + 4 * SMALL_VALUES:,} bytes",
        "0.000 BFLOPs as Darknet counts, 0.000 GMACs",
        "head 2 [yolo]: stride 2, classes 1, anchors 4,4  8,8  16,16",
        "head 5 [yolo]: stride 4, classes 1, anchors 4,4  8,8  16,16",
        "keys that nothing reads (1):",
        "  small.cfg:9: warp=9 in [convolutional]",
    ]


def test_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.cfg").write_text(SMALL)
    status = call(monkeypatch, main, tmp_path / "small.cfg", "--img-size", 64, "--json", tmp_path / "a.json")
    assert status == 0
    assert f"{SMALL_VALUES} parameters" in capsys.readouterr().out
    assert json.loads((tmp_path / "a.json").read_text())["input"] == [3, 64, 64]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such"], "no-such: no such cfg file; give a path, or one of: "),
        (["yolov3-tiny", "--img-size", "8"], "--img-size 8: use 32 or more"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, main, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["yolov3", "yolov4"])
def test_large_networks_fit_a_terminal(name: str) -> None:
    assert name in shipped_names("cfg", ".cfg")
    assert max(map(len, list(format_summary(describe(CfgFile.read(name)))))) <= 120
