"""Run programs in the process of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yolo.config.program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest


def call(monkeypatch: pytest.MonkeyPatch, main: Callable[[Sequence[str]], int | None], *arguments: object) -> int:
    """Run a program with these arguments and return its exit status; pytest still captures its log."""
    monkeypatch.setattr(yolo.config.program, "set_up_logging", lambda: None)
    return yolo.config.program.run_program(main, list(map(str, arguments)))
