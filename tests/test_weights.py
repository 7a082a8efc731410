from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import call
from tests.serving import Answer, serving
from yolo.checkpoints.published import registry
from yolo.checkpoints.published_table import format_registry
from yolo.darknet.weights_file import WeightsHeader
from yolo.weights import main

ROOT = Path(__file__).parents[1]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("YOLO_OFFLINE", raising=False)
    monkeypatch.delenv("YOLO_WEIGHTS_MIRROR", raising=False)
    return tmp_path / "cache" / "yolo" / "weights"


@pytest.mark.usefixtures("cache")
def test_list_shows_every_entry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("weights").mkdir()
    Path("weights/yolov4.weights").touch()
    assert call(monkeypatch, main, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(registry())
    (line,) = (line for line in lines if line.startswith("yolov4 "))
    assert " ".join(line.split()) == (
        "yolov4 258 yolov4 COCO 2014 trainvalno5k 43.5 65.7 COCO test-dev, 608 5k.txt, test-dev weights/yolov4.weights"
    )


def test_get_and_check(cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    name = "yolov4-tiny.conv.29"
    with serving(WeightsHeader().to_bytes() + bytes(registry()[name].num_bytes - 20)) as site:
        monkeypatch.setenv("YOLO_WEIGHTS_MIRROR", site.url)
        assert call(monkeypatch, main, "get", name) == 0
    assert capsys.readouterr().out == f"{cache / name}\n"
    assert call(monkeypatch, main, "check") == 0
    assert capsys.readouterr().out == f"{cache / name}: of the published length; no checksum is published\n"
    (cache / "yolov4-tiny.weights").write_bytes(bytes(registry()["yolov4-tiny"].num_bytes))
    (cache / "yolov3.weights").write_bytes(b"cut short")
    assert call(monkeypatch, main, "check") == 2
    written = capsys.readouterr()
    assert f"{cache}/yolov3.weights: not the published file: 9 bytes, expected 248,007,048\n" in written.out
    assert f"{cache}/yolov4-tiny.weights: not the published file: its SHA-256 is " in written.out
    assert "error: 2 of 3 files are not as published; remove them" in written.err


def test_two_processes_download_once(cache: Path) -> None:
    entry = registry()["yolov4-tiny.conv.29"]
    assert entry.sha256 is None
    body = WeightsHeader().to_bytes() + bytes(entry.num_bytes - 20)
    command = [sys.executable, "-m", "yolo.weights", "get", entry.name]
    with serving(body, Answer(seconds=1)) as site:  # meanwhile the other process reaches the same point
        environment = os.environ | {"PYTHONPATH": str(ROOT), "YOLO_WEIGHTS_MIRROR": site.url}
        processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in "ab"]
        printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert printed == [f"{cache / entry.file_name}\n"] * 2
    assert site.requests == [(f"/{entry.file_name}", None)]
    assert (cache / entry.file_name).read_bytes() == body


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["get"], "get: give one or more names"),
        (["get", "yolov9"], "yolov9: no such file, nor the name of published weights"),
        (
            ["get", "yolov4", "--offline"],
            "--weights yolov4: not downloaded yet, and offline; put yolov4.weights (257,717,640 bytes",
        ),
    ],
)
@pytest.mark.usefixtures("cache")
def test_mistakes_are_errors(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, main, *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("cache")
def test_the_documentation_shows_the_list() -> None:
    page = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    assert f"$ python -m yolo.weights list\n{format_registry()}```\n" in page
