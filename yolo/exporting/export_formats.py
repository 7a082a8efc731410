"""The export formats: how a file is written, and the programs that check it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import torch

from yolo.checkpoints.state_dict import ModelState, write_state
from yolo.checkpoints.transfer import load_whole
from yolo.data.transforms import FILL
from yolo.exporting.detector_graph import DetectorGraph, suppress_warnings
from yolo.exporting.equivalence import FP16_TOLERANCE, FP32_TOLERANCE, INT8_TOLERANCE, Tolerance
from yolo.exporting.onnx_nms import NMS_OUTPUTS, append_nms
from yolo.exporting.runtimes import (
    Runner,
    build_model_runner,
    build_module_runner,
    build_onnxruntime_runner,
    build_opencv_runner,
)
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.config.export_settings import FormatName
    from yolo.exporting.exporter import Exporter, Precision

Runners: TypeAlias = dict[str, Runner]  # by name and version of the program that runs the file


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """An export format."""

    suffix: str  # of the file name
    write: Callable[[Exporter, Path], None]
    build_runners: Callable[[Exporter, Path], Runners]  # the programs that check a written file
    tolerance: Tolerance = FP32_TOLERANCE
    with_cfg: bool = False  # whether a cfg is written beside it
    precision: Precision | None = None  # of an ONNX file


def onnx_format(precision: Precision) -> ExportFormat:
    """Return the ONNX format in a precision."""
    suffixes = {"fp32": ".onnx", "fp16": "-half.onnx", "int8": "-int8.onnx"}
    tolerances = {"fp32": FP32_TOLERANCE, "fp16": FP16_TOLERANCE, "int8": INT8_TOLERANCE}
    return ExportFormat(
        suffix=suffixes[precision],
        write=lambda exporter, path: _write_onnx(exporter, path, precision),
        build_runners=_build_onnx_runners,
        tolerance=tolerances[precision],
        precision=precision,
    )


def _write_onnx(exporter: Exporter, path: Path, precision: Precision) -> None:
    import onnx

    model = exporter.onnx_model(precision)
    if exporter.with_nms:
        model = append_nms(model, exporter.nms_settings)
    onnx.helper.set_model_props(model, build_metadata(exporter, precision))
    onnx.save(model, path)


def _build_onnx_runners(exporter: Exporter, path: Path) -> Runners:
    import onnxruntime

    output_names = NMS_OUTPUTS if exporter.with_nms else exporter.signature.output_names
    return {
        f"onnxruntime {onnxruntime.__version__}": build_onnxruntime_runner(path),
        f"cv2.dnn {cv2.__version__}": build_opencv_runner(path, output_names),
    }


def _write_torchscript(exporter: Exporter, path: Path) -> None:
    with torch.no_grad(), suppress_warnings():
        trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace  # untyped
        graph = DetectorGraph(exporter.graph_model)
        traced = trace(graph, (exporter.signature.example_input(),), check_trace=False)
        buffer = io.BytesIO()  # written to a file, PyTorch aborts the process where the disk is full
        torch.jit.save(traced, buffer, _extra_files=_metadata_files(exporter))
        path.write_bytes(buffer.getbuffer())


def _build_torchscript_runners(exporter: Exporter, path: Path) -> Runners:
    with suppress_warnings():
        load: Callable[..., torch.jit.ScriptModule] = torch.jit.load  # untyped
        module = load(path)
    return {f"torch.jit {torch.__version__}": build_module_runner(module, exporter.signature.output_names)}


def _write_torch_export(exporter: Exporter, path: Path) -> None:
    with suppress_warnings():
        torch.export.save(exporter.program, path, extra_files=_metadata_files(exporter))


def _build_torch_export_runners(exporter: Exporter, path: Path) -> Runners:
    with suppress_warnings():
        module = torch.export.load(path).module()
    return {f"torch.export {torch.__version__}": build_module_runner(module, exporter.signature.output_names)}


def _metadata_files(exporter: Exporter) -> dict[str, str]:
    """Return the extra files inside the archives of PyTorch's own formats."""
    return {"metadata.json": json.dumps(build_metadata(exporter, "fp32"))}


def build_metadata(exporter: Exporter, precision: Precision) -> dict[str, str]:
    """Return what a program must know to use an exported graph, as text; lists and numbers are JSON."""
    height, width = exporter.signature.input_size
    return {
        "names": json.dumps(exporter.class_names),
        "stride": str(exporter.signature.stride),
        "height": str(height),
        "width": str(width),
        "dynamic": json.dumps(list(exporter.signature.dynamic_axes.values())),
        "color": "RGB",
        "scale": repr(1 / 255),  # the input is the pixel values times this
        "fit": "letterbox",
        "fill": str(FILL),
        "precision": precision,
        "images_seen": str(exporter.model.images_seen),
        "cfg": exporter.model.cfg.text,
    }


def _write_weights(exporter: Exporter, path: Path) -> None:
    exporter.model.save_weights(path)


def _write_safetensors(exporter: Exporter, path: Path) -> None:
    model = exporter.model
    state = ModelState(
        tensors=model.state_dict(), images_seen=model.images_seen, cfg=model.cfg.text, names=exporter.class_names
    )
    write_state(path, state)


def _build_reloaded_runners(exporter: Exporter, path: Path) -> Runners:
    """Load the file into a new network, as the other programs of this package do."""
    model = Darknet(exporter.model.graph).eval()
    load_whole(model, path)
    return {"yolo": build_model_runner(model, exporter.signature.output_names)}


FORMATS: dict[FormatName, ExportFormat] = {
    "onnx": onnx_format("fp32"),
    "torchscript": ExportFormat(
        suffix=".torchscript", write=_write_torchscript, build_runners=_build_torchscript_runners
    ),
    "torch-export": ExportFormat(suffix=".pt2", write=_write_torch_export, build_runners=_build_torch_export_runners),
    "weights": ExportFormat(
        suffix=".weights", write=_write_weights, build_runners=_build_reloaded_runners, with_cfg=True
    ),
    "safetensors": ExportFormat(suffix=".safetensors", write=_write_safetensors, build_runners=_build_reloaded_runners),
}
ONNX_FP16 = onnx_format("fp16")
ONNX_INT8 = onnx_format("int8")
