from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.model.test_network import SMALL, SMALL_VALUES
from tests.programs import call
from yolo.summary import main


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
