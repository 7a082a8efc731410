"""A network and its decoding as one graph that other programs run. Axes: B images, N candidate boxes, C classes."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from yolo.errors import SettingsError
from yolo.layers.dense import LocalLayer
from yolo.layers.detection import Detection
from yolo.model.input_sizes import largest_stride

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.export import ExportedProgram

    from yolo.model.network import Darknet

INPUT = "images"
DETECTOR_OUTPUTS = ("boxes", "scores")
OTHER_OUTPUTS = ("output",)  # of a network without a head
AXES = {0: "batch", 2: "height", 3: "width"}  # of the input, those that a file leaves open


class DetectorGraph(nn.Module):
    """Images in, every candidate box and its scores out.

    Args:
        model: in eval mode.
        half: compute in half precision up to the heads; decoding stays single, where a pixel is a pixel.
    """

    def __init__(self, model: Darknet, *, half: bool = False) -> None:
        super().__init__()
        self.model = model.half() if half else model
        self.half_inside = half

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Run the network.

        Args:
            images: (B, 3, H, W) float32 in 0..1, RGB.

        Returns:
            Boxes (B, N, 4), xyxy in pixels of `images`, and scores (B, N, C) in 0..1; of a network without a head
            its output (B, channels, H', W').
        """
        outputs = self.model(images.half() if self.half_inside else images)
        if not self.model.heads:
            return (outputs[0].float(),)
        found = self.model.decode(outputs, (images.shape[2], images.shape[3]))
        return found.boxes_xyxy, found.scores


@dataclass(frozen=True, slots=True)
class Interface:
    """What goes into a graph and comes out of it."""

    size: tuple[int, int]  # (height, width) that the network is best at, pixels
    stride: int  # sides of other inputs are multiples of it
    open_axes: dict[int, str]  # axes of the input that may have any length
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, model: Darknet, img_size: int | None = None) -> Interface:
        """The interface of a network; `img_size` is the side of its input, by default the cfg's."""
        fixed = has_fixed_size(model)
        side = img_size or model.net.width
        size = (model.net.height, model.net.width) if fixed else (side, side)
        axes = {axis: name for axis, name in AXES.items() if axis == 0 or not fixed}
        return cls(size, largest_stride(model.graph), axes, DETECTOR_OUTPUTS if model.heads else OTHER_OUTPUTS)

    def example(self) -> Tensor:
        """Images to trace with: no open axis has length 1, which tracing would take for granted."""
        height, width = (4 * self.stride, 6 * self.stride) if 2 in self.open_axes else self.size
        return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def has_fixed_size(model: Darknet) -> bool:
    """Whether some layer has weights for every cell, so that inputs must have the cfg's size."""
    cellwise = any(isinstance(module, (nn.Linear, LocalLayer)) for module in model.modules())
    return cellwise or any(isinstance(node.spec, Detection) for node in model.heads)


def require_open_axes() -> None:
    """Stop, with one line, where `torch.export` cannot leave axes open.

    Raises:
        SettingsError: PyTorch is too old.
    """
    if not hasattr(torch.export.Dim, "DYNAMIC"):
        raise SettingsError(
            f"--format onnx, torch-export: torch {torch.__version__} is too old for them; install torch 2.6 or newer"
        )


def exported_program(graph: DetectorGraph, interface: Interface) -> ExportedProgram:
    """The graph as `torch.export` sees it, with the open axes open."""
    axes = dict.fromkeys(interface.open_axes, torch.export.Dim.DYNAMIC)
    with torch.no_grad(), quiet():
        return torch.export.export(graph, (interface.example(),), dynamic_shapes=(axes,))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back the warnings of exporters: they are of their own code, not of the network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
