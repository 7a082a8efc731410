"""Train, test and run Darknet YOLO networks in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.errors import YoloError as YoloError
from yolo.opencv import require_opencv

if TYPE_CHECKING:
    from yolo.inference.predictor import load as load
    from yolo.model.network import Darknet as Darknet

require_opencv()

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the model, and with it PyTorch, at its first use: programs about data start without."""
    if name == "Darknet":
        from yolo.model.network import Darknet

        return Darknet
    if name == "load":
        from yolo.inference.predictor import load

        return load
    raise AttributeError(f"module 'yolo' has no attribute '{name}'")
