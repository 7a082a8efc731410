"""A network with the graphs that its exported files are made from."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from yolo.exporting.detector_graph import DetectorGraph, GraphSignature, export_program
from yolo.exporting.onnx_graph import program_to_onnx
from yolo.exporting.quantise import quantise_onnx
from yolo.exporting.runtimes import build_model_runner, build_onnxruntime_runner
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


class Exporter:
    """Build each graph of a network once, when the first file needs it.

    Args:
        model: the network, in eval mode, on the CPU.
        class_names: names of its classes.
        signature: input and outputs of its graphs.
        fused: whether graphs have batch normalisation folded into the convolutions.
        nms_settings: thresholds of the detections that are compared and that ONNX files return.
        with_nms: whether ONNX graphs end with non-maximum suppression instead of returning all candidates.
        labelled_images: data set for int8 calibration and for evaluation; None: no calibration, no evaluation.
        num_calibration_images: number of images to calibrate on.
    """

    def __init__(
        self,
        model: Darknet,
        class_names: tuple[str, ...],
        signature: GraphSignature,
        *,
        fused: bool,
        nms_settings: NmsSettings,
        with_nms: bool,
        labelled_images: LabelledImages | None,
        num_calibration_images: int,
    ) -> None:
        self.model = model
        self.class_names = class_names
        self.signature = signature
        self.nms_settings = nms_settings
        self.with_nms = with_nms
        self.labelled_images = labelled_images
        self.num_calibration_images = num_calibration_images
        self.graph_model = fuse(model) if fused else model

    @cached_property
    def reference_runner(self) -> Runner:
        """The network in PyTorch, which every file is compared with."""
        return build_model_runner(self.model, self.signature.output_names)

    @cached_property
    def program(self) -> ExportedProgram:
        """The graph as `torch.export` captures it."""
        return export_program(DetectorGraph(self.graph_model), self.signature)

    @cached_property
    def _onnx_fp32(self) -> ModelProto:
        return program_to_onnx(self.program, self.signature)

    @cached_property
    def _onnx_fp16(self) -> ModelProto:
        graph = DetectorGraph(copy.deepcopy(self.graph_model), half=True)
        return program_to_onnx(export_program(graph, self.signature), self.signature)

    @cached_property
    def _onnx_int8(self) -> ModelProto:
        assert self.labelled_images is not None
        return quantise_onnx(self._onnx_fp32, self.labelled_images.calibration_inputs(self.num_calibration_images))

    def onnx_model(self, precision: Precision) -> ModelProto:
        """Return an ONNX model without non-maximum suppression and metadata."""
        if precision == "fp32":
            return self._onnx_fp32
        return self._onnx_fp16 if precision == "fp16" else self._onnx_int8

    @cached_property
    def reference_metrics(self) -> CocoMetrics | None:
        """Metrics of the network in PyTorch; None without a data set."""
        if self.labelled_images is None:
            return None
        return self.labelled_images.evaluate(self.reference_runner, "evaluate the network")

    def onnx_metrics(self, precision: Precision) -> CocoMetrics | None:
        """Return the metrics of an ONNX model; None without a data set."""
        if self.labelled_images is None:
            return None
        runner = build_onnxruntime_runner(self.onnx_model(precision).SerializeToString())
        return self.labelled_images.evaluate(runner, f"evaluate {precision}")
