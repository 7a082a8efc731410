"""Made-up packages in the place of wandb and mlflow, which write down how they are called."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

Calls = list[tuple[str, Any, Any]]


def recorder(calls: Calls, name: str, result: Any = None) -> Any:
    """A function that writes its calls down."""

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append((name, arguments, named))
        return result

    return call


def install(monkeypatch: pytest.MonkeyPatch, name: str, **parts: Any) -> ModuleType:
    """A module of that name, until the test's end."""
    module = ModuleType(name)
    for key, part in parts.items():
        setattr(module, key, part)
    monkeypatch.setitem(sys.modules, name, module)
    return module
