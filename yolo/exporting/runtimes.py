"""Runs exported files, each with the program that it is for. Axes: B images, H and W pixels.

A `Runner` takes images (B, 3, H, W) float32 in 0..1, RGB, and gives the file's outputs by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch

from yolo.errors import YoloError
from yolo.exporting.graph import INPUT, DetectorGraph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import nn

    from yolo.model.network import Darknet

Images: TypeAlias = npt.NDArray[np.float32]
Outputs: TypeAlias = dict[str, npt.NDArray[np.generic]]
Runner: TypeAlias = Callable[[Images], Outputs]


class CannotRunError(YoloError):
    """A program at hand that does not know something that a file has in it."""


def onnxruntime_runner(model: bytes | Path) -> Runner:
    """An ONNX model, from memory or a file, in onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: its warnings are of its own optimizer
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {INPUT: images}), strict=True))


def opencv_runner(path: Path, outputs: Sequence[str]) -> Runner:
    """An ONNX file in OpenCV; what it cannot read or run is a `CannotRunError`."""

    def run(images: Images) -> Outputs:
        try:
            net = cv2.dnn.readNetFromONNX(str(path))  # anew each time: OpenCV keeps the shapes of the first input
            net.setInput(images, INPUT)
            return dict(zip(outputs, net.forward(list(outputs)), strict=True))
        except cv2.error as error:
            raise CannotRunError(" ".join(error.err.split()) or str(error).splitlines()[0]) from error

    return run


def module_runner(module: nn.Module, outputs: Sequence[str]) -> Runner:
    """A module, be it TorchScript's, an exported program's or our own."""

    def run(images: Images) -> Outputs:
        with torch.inference_mode():
            answers = module(torch.from_numpy(images))
        return {name: answer.numpy() for name, answer in zip(outputs, answers, strict=True)}

    return run


def model_runner(model: Darknet, outputs: Sequence[str]) -> Runner:
    """A network of ours, not exported."""
    return module_runner(DetectorGraph(model), outputs)
