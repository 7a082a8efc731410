"""A network on its way into files: each form of it is made once, when the first file needs it."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from yolo.exporting.graph import DetectorGraph, Interface, exported_program
from yolo.exporting.onnx_graph import to_onnx
from yolo.exporting.quantise import quantised
from yolo.exporting.runtimes import model_runner, onnxruntime_runner
from yolo.model.fusing import fuse

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.export import ExportedProgram

    from yolo.boxes.nms import NmsSettings
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.exporting.runtimes import Runner
    from yolo.exporting.sample_images import LabelledImages
    from yolo.model.network import Darknet

Precision = Literal["fp32", "fp16", "int8"]


class Job:
    """What is exported.

    Args:
        model: in eval mode, on the CPU.
        names: of its classes.
        interface: of its graphs.
        fused: whether graphs hold batch normalisation folded into the convolutions.
        detecting: what a detection is.
        suppresses: whether ONNX graphs end with the detections, not with all candidates.
        data: to calibrate 8 bits on and to score; None: neither.
        calibration_images: how many images to calibrate on.
    """

    def __init__(
        self,
        model: Darknet,
        names: tuple[str, ...],
        interface: Interface,
        *,
        fused: bool,
        detecting: NmsSettings,
        suppresses: bool,
        data: LabelledImages | None,
        calibration_images: int,
    ) -> None:
        self.model = model
        self.names = names
        self.interface = interface
        self.detecting = detecting
        self.suppresses = suppresses
        self.data = data
        self.calibration_images = calibration_images
        self.deployed = fuse(model) if fused else model

    @cached_property
    def runner(self) -> Runner:
        """The network itself, which every file is held against."""
        return model_runner(self.model, self.interface.outputs)

    @cached_property
    def program(self) -> ExportedProgram:
        return exported_program(DetectorGraph(self.deployed), self.interface)

    @cached_property
    def single(self) -> ModelProto:
        return to_onnx(self.program, self.interface)

    @cached_property
    def half(self) -> ModelProto:
        graph = DetectorGraph(copy.deepcopy(self.deployed), half=True)
        return to_onnx(exported_program(graph, self.interface), self.interface)

    @cached_property
    def eight_bits(self) -> ModelProto:
        assert self.data is not None
        return quantised(self.single, self.data.inputs(self.calibration_images))

    def onnx(self, precision: Precision) -> ModelProto:
        """An ONNX model, without suppression and metadata."""
        return {"fp32": lambda: self.single, "fp16": lambda: self.half, "int8": lambda: self.eight_bits}[precision]()

    @cached_property
    def metrics(self) -> CocoMetrics | None:
        """Of the network itself; None without data."""
        return None if self.data is None else self.data.score(self.runner, "score the network")

    def metrics_of(self, precision: Precision) -> CocoMetrics | None:
        """Of an ONNX model; None without data."""
        if self.data is None:
            return None
        run = onnxruntime_runner(self.onnx(precision).SerializeToString())
        return self.data.score(run, f"score {precision}")
