"""A network and its decoding as one module that other programs can run.

Axes: B images, N candidate boxes, C classes.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from yolo.errors import SettingsError, require
from yolo.layers.dense import LocalLayer
from yolo.layers.detection import Detection
from yolo.model.input_sizes import largest_stride

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.export import ExportedProgram

    from yolo.model.network import Darknet

INPUT_NAME = "images"
DETECTOR_OUTPUTS = ("boxes", "scores")
HEADLESS_OUTPUTS = ("output",)
DYNAMIC_AXES = {0: "batch", 2: "height", 3: "width"}  # axes of the input that may have any length


class DetectorGraph(nn.Module):
    """Map images to every candidate box and its scores.

    Args:
        model: the network, in eval mode.
        half: compute in half precision up to the heads. Decoding stays in single precision, because half precision
            cannot represent every pixel coordinate.
    """

    def __init__(self, model: Darknet, *, half: bool = False) -> None:
        super().__init__()
        self.model = model.half() if half else model
        self.is_half = half

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Run the network.

        Args:
            images: (B, 3, H, W) float32 in 0..1, RGB.

        Returns:
            Boxes (B, N, 4), xyxy in pixels of `images`, and scores (B, N, C) in 0..1. A network without a head returns
            its output (B, channels, H', W').
        """
        outputs = self.model(images.half() if self.is_half else images)
        if not self.model.heads:
            return (outputs[0].float(),)
        predictions = self.model.decode(outputs, (images.shape[2], images.shape[3]))
        return predictions.boxes_xyxy, predictions.scores


@dataclass(frozen=True, slots=True)
class GraphSignature:
    """The input and outputs of an exported graph."""

    input_size: tuple[int, int]  # (height, width) that the network works best at, pixels
    stride: int  # other input sizes must be multiples of it
    dynamic_axes: dict[int, str]  # axes of the input that may have any length, with their names
    output_names: tuple[str, ...]

    @classmethod
    def from_model(cls, model: Darknet, img_size: int | None = None) -> GraphSignature:
        """Return the signature of a network.

        Args:
            model: the network.
            img_size: side of its input, pixels; None: the cfg's width.

        Raises:
            SettingsError: the side is not a multiple of the network's stride.
        """
        fixed = has_fixed_size(model)
        stride = largest_stride(model.graph)
        side = img_size or model.net.width
        require("--img-size", side, fixed or side % stride == 0, f"a multiple of {stride}, the network's stride")
        size = (model.net.height, model.net.width) if fixed else (side, side)
        axes = {axis: name for axis, name in DYNAMIC_AXES.items() if axis == 0 or not fixed}
        return cls(size, stride, axes, DETECTOR_OUTPUTS if model.heads else HEADLESS_OUTPUTS)

    @property
    def is_resizable(self) -> bool:
        """True if height and width of the input may have any length."""
        return 2 in self.dynamic_axes

    def example_input(self) -> Tensor:
        """Return images to trace with; no dynamic axis has length 1, which tracing would take as constant."""
        height, width = (4 * self.stride, 6 * self.stride) if self.is_resizable else self.input_size
        return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def has_fixed_size(model: Darknet) -> bool:
    """Return whether a layer has weights for each cell, so that inputs must have the cfg's size."""
    cellwise = any(isinstance(module, (nn.Linear, LocalLayer)) for module in model.modules())
    return cellwise or any(isinstance(node.spec, Detection) for node in model.heads)


def require_dynamic_export() -> None:
    """Check that `torch.export` supports dynamic axes.

    Raises:
        SettingsError: PyTorch is too old.
    """
    if not hasattr(torch.export.Dim, "DYNAMIC"):
        raise SettingsError(
            f"--format onnx, torch-export: torch {torch.__version__} is too old for them; install torch 2.6 or newer"
        )


def export_program(graph: DetectorGraph, signature: GraphSignature) -> ExportedProgram:
    """Capture the graph with `torch.export`, with dynamic axes as its signature says."""
    axes = dict.fromkeys(signature.dynamic_axes, torch.export.Dim.DYNAMIC)
    with torch.no_grad(), suppress_warnings():
        return torch.export.export(graph, (signature.example_input(),), dynamic_shapes=(axes,))


@contextlib.contextmanager
def suppress_warnings() -> Iterator[None]:
    """Suppress warnings of exporters, which are about their own code and not about the network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
