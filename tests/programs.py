"""Programs within the test's own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yolo.config.program

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def call(monkeypatch: pytest.MonkeyPatch, main: Callable[[], int | None], *arguments: object) -> int:
    """Run a program's `main` with these arguments and give its exit status; messages stay with pytest."""
    monkeypatch.setattr("sys.argv", ["program", *map(str, arguments)])
    monkeypatch.setattr(yolo.config.program, "set_up_logging", lambda: None)
    return yolo.config.program.run_program(main)
