from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import yolo
from tests.programs import call
from yolo.__main__ import PROGRAMS, main

ROOT = Path(__file__).parents[1]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_list_has_one_line_per_program(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, main, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(PROGRAMS)
    assert max(map(len, lines)) <= 80


def test_list_names_every_program_of_the_package() -> None:
    package = ROOT / "yolo"
    modules = [*package.glob("*.py"), *package.glob("*/__main__.py")]
    starts = re.compile(r"run_program\(main\)")
    programs = {
        path.parent.name if path.stem == "__main__" else path.stem
        for path in modules
        if starts.search(path.read_text(encoding="utf-8"))
    }
    assert programs - {"yolo"} == set(PROGRAMS)  # "yolo": the list itself


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, main, "--version") == 0
    assert capsys.readouterr().out == f"yolo {yolo.__version__}\n"
    assert f'version = "{yolo.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tran", "error: tran: no such program; did you mean train?\n"),
        ("banana", f"error: banana: no such program; use one of {', '.join(PROGRAMS)}\n"),
    ],
)
def test_unknown_program(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, main, name) == 2
    assert capsys.readouterr() == ("", message)


def test_list_does_not_import_torch(tmp_path: Path) -> None:
    done = run(tmp_path, "-X", "importtime", "-m", "yolo")
    assert done.returncode == 0
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "yolo.config.program" in imported
    assert "torch" not in imported


@pytest.mark.parametrize("arguments", [["remote", "nowhere", "target"], ["remote", "--help"], ["remote", "--flag"]])
def test_program_runs_as_its_module_does(tmp_path: Path, arguments: list[str]) -> None:
    name, *rest = arguments
    listed, direct = run(tmp_path, "-m", "yolo", *arguments), run(tmp_path, "-m", f"yolo.{name}", *rest)
    assert (listed.returncode, listed.stdout, listed.stderr) == (direct.returncode, direct.stdout, direct.stderr)
    assert listed.stdout or listed.stderr


@pytest.mark.e2e
def test_summary_through_the_list(tmp_path: Path) -> None:
    listed, direct = run(tmp_path, "-m", "yolo", "summary", "shapes"), run(tmp_path, "-m", "yolo.summary", "shapes")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout == direct.stdout
