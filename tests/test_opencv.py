from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from yolo.opencv import install_hint

ROOT = Path(__file__).parents[1]
MISSING = "libGL.so.1: cannot open shared object file"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ModuleNotFoundError("No module named 'cv2'"), "pip install opencv-python"),
        (ImportError(MISSING), "apt-get install libgl1, or pip uninstall opencv-python && "),
        (ImportError("libodd.so.3: cannot open"), "pip uninstall opencv-python && pip install opencv-python-headless"),
    ],
)
def test_install_hints(error: ImportError, expected: str) -> None:
    assert install_hint(error).startswith(expected)


@pytest.mark.parametrize(
    ("arguments", "status", "last_line"),
    [
        (["-m", "yolo.train"], 2, f"error: OpenCV cannot be imported ({MISSING}): apt-get install libgl1, or "),
        (["-c", "import yolo"], 1, f"ImportError: OpenCV cannot be imported ({MISSING}): apt-get install libgl1, or "),
    ],
)
def test_a_broken_opencv_is_one_line(tmp_path: Path, arguments: list[str], status: int, last_line: str) -> None:
    (tmp_path / "cv2.py").write_text(f"raise ImportError({MISSING!r})\n")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    lines = done.stderr.splitlines()
    assert lines[-1].startswith(last_line)
    assert status == 1 or len(lines) == 1
