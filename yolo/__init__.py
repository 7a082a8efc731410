"""Train, test and run Darknet YOLO networks in PyTorch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from yolo.errors import YoloError
from yolo.opencv import require_opencv

if TYPE_CHECKING:
    from yolo.inference.predictor import load
    from yolo.model.network import Darknet

require_opencv()

__version__ = "0.1.0"
__all__ = ["Darknet", "YoloError", "load"]

_LAZY_IMPORTS = {"Darknet": "yolo.model.network", "load": "yolo.inference.predictor"}  # they import PyTorch


def __getattr__(name: str) -> object:
    """Import names that need PyTorch at their first use, so that `import yolo` is fast."""
    if name not in _LAZY_IMPORTS:
        raise AttributeError(f"module 'yolo' has no attribute '{name}'")
    return getattr(importlib.import_module(_LAZY_IMPORTS[name]), name)


def __dir__() -> list[str]:
    """Return all attributes, including those that are not imported yet."""
    return sorted({*globals(), *__all__})
