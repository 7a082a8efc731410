"""Fake modules for wandb and mlflow that record their calls."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

Calls = list[tuple[str, Any, Any]]


def recorder(calls: Calls, name: str, result: Any = None) -> Any:
    """Return a function that records its calls."""

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append((name, arguments, named))
        return result

    return call


def install(monkeypatch: pytest.MonkeyPatch, name: str, **parts: Any) -> ModuleType:
    """Install a fake module of that name until the end of the test."""
    module = ModuleType(name)
    for key, part in parts.items():
        setattr(module, key, part)
    monkeypatch.setitem(sys.modules, name, module)
    return module
