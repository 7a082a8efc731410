"""Exit status and last words of programs."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.programs import call

ROOT = Path(__file__).parents[2]


def test_what_the_system_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(_arguments: Sequence[str]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "runs/a/last.pt")

    assert call(monkeypatch, main) == 2
    assert capsys.readouterr().err == (
        "error: runs/a/last.pt: No space left on device; free some space, or choose a folder on another disk\n"
    )


def test_mistakes_of_ours_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def main(_arguments: Sequence[str]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(monkeypatch, main)


PRINT_MUCH = """
import sys
from yolo.config.program import run_program
raise SystemExit(run_program(lambda arguments: print("na\\u00efve \\u65e5" + "x" * 100000)))
"""


@pytest.mark.parametrize(
    ("redirection", "status", "error"),
    [
        ("| true", "1", ""),
        (">/dev/full", "2", "error: No space left on device; free some space, or choose a folder on another disk\n"),
        (">/dev/null", "0", ""),  # in ASCII
    ],
)
def test_output_that_nobody_reads_is_no_traceback(redirection: str, status: str, error: str) -> None:
    command = f'set -o pipefail; "$0" -c "$1" {redirection}; echo "$?" >&2'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, PRINT_MUCH],
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == f"{error}{status}\n"
