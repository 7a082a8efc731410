"""Run exported files with the programs that they are for. Axes: B images, H and W pixels.

A `Runner` takes images (B, 3, H, W) float32 in 0..1, RGB, and returns the file's outputs by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch

from yolo.boxes.detections import Detections, Predictions
from yolo.boxes.nms import non_max_suppression
from yolo.errors import YoloError
from yolo.exporting.detector_graph import INPUT_NAME, DetectorGraph
from yolo.inference.detector import to_image_pixels, to_input

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import nn

    from yolo.boxes.nms import NmsSettings
    from yolo.data.sample import Batch
    from yolo.model.network import Darknet

Images: TypeAlias = npt.NDArray[np.float32]
Outputs: TypeAlias = dict[str, npt.NDArray[np.generic]]
Runner: TypeAlias = Callable[[Images], Outputs]


class CannotRunError(YoloError):
    """The installed program does not support something that a file contains."""


def build_onnxruntime_runner(model: bytes | Path) -> Runner:
    """Load an ONNX model, from memory or a file, into onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: its warnings are about its own optimizer
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {INPUT_NAME: images}), strict=True))


def build_opencv_runner(path: Path, output_names: Sequence[str]) -> Runner:
    """Return a runner of an ONNX file in OpenCV; it raises `CannotRunError` if OpenCV cannot read or run the file."""

    def run(images: Images) -> Outputs:
        try:
            net = cv2.dnn.readNetFromONNX(str(path))  # read for each call: OpenCV keeps the shapes of the first input
            net.setInput(images, INPUT_NAME)
            return dict(zip(output_names, net.forward(list(output_names)), strict=True))
        except cv2.error as error:
            raise CannotRunError(" ".join(error.err.split()) or str(error).splitlines()[0]) from error

    return run


def build_module_runner(module: nn.Module, output_names: Sequence[str]) -> Runner:
    """Return a runner of a module: TorchScript's, an exported program's, or a network of this package."""

    def run(images: Images) -> Outputs:
        with torch.inference_mode():
            outputs = module(torch.from_numpy(images))
        return {name: output.numpy() for name, output in zip(output_names, outputs, strict=True)}

    return run


def build_model_runner(model: Darknet, output_names: Sequence[str]) -> Runner:
    """Return a runner of a network in PyTorch, not exported."""
    return build_module_runner(DetectorGraph(model), output_names)


def outputs_to_detections(outputs: Outputs, settings: NmsSettings) -> list[Detections]:
    """Return the detections of each image, in pixels of the input.

    Args:
        outputs: a runner's outputs, all candidates or with non-maximum suppression already done by the file.
        settings: thresholds of the non-maximum suppression that is done here on all candidates.
    """
    tensors = {name: torch.from_numpy(array) for name, array in outputs.items()}
    if "boxes" in tensors:
        return non_max_suppression(Predictions(tensors["boxes"], tensors["scores"]), settings)
    rows = zip(*(tensors[f"detection_{part}"] for part in ("boxes", "scores", "classes")), strict=True)
    return [
        Detections(boxes[:count], scores[:count], classes[:count])
        for (boxes, scores, classes), count in zip(rows, tensors["num_detections"].tolist(), strict=True)
    ]


class RunnerDetector:
    """A detector like `yolo.inference.Detector` that runs an exported file."""

    def __init__(self, runner: Runner, settings: NmsSettings) -> None:
        self.runner = runner
        self.settings = settings

    def __call__(self, batch: Batch) -> list[Detections]:
        """Return the detections of each image, in pixels of the original image."""
        images = to_input(batch.images, torch.device("cpu"), batch.input_size).contiguous()
        detections = outputs_to_detections(self.runner(images.numpy()), self.settings)
        return to_image_pixels(detections, batch)
