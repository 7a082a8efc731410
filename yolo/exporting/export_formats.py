"""The kinds of files: how each is written, and what runs it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import torch

from yolo.checkpoints.state_dict import ModelState, write_state
from yolo.checkpoints.transfer import load_whole
from yolo.exporting.equivalence import EIGHT_BITS, HALF, SINGLE, Tolerance
from yolo.exporting.graph import DetectorGraph, quiet
from yolo.exporting.graph_nms import NMS_OUTPUTS, with_suppression
from yolo.exporting.metadata import metadata
from yolo.exporting.runtimes import Runner, model_runner, module_runner, onnxruntime_runner, opencv_runner
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.exporting.job import Job, Precision

FormatName = Literal["onnx", "torchscript", "torch-export", "weights", "safetensors"]
Runners: TypeAlias = dict[str, Runner]  # by the name of the program that runs the file, with its version


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A kind of file."""

    ending: str  # of the file's name
    write: Callable[[Job, Path], None]
    runners: Callable[[Job, Path], Runners]  # what a written file is checked with
    tolerance: Tolerance = SINGLE
    with_cfg: bool = False  # whether a network file goes with it
    precision: Precision | None = None  # of an ONNX file


def onnx_format(precision: Precision) -> Format:
    """ONNX, for onnxruntime, OpenCV and others."""
    names = {"fp32": ".onnx", "fp16": "-half.onnx", "int8": "-int8.onnx"}
    tolerances = {"fp32": SINGLE, "fp16": HALF, "int8": EIGHT_BITS}
    return Format(
        ending=names[precision],
        write=lambda job, path: _write_onnx(job, path, precision),
        runners=_onnx_runners,
        tolerance=tolerances[precision],
        precision=precision,
    )


def _write_onnx(job: Job, path: Path, precision: Precision) -> None:
    import onnx

    model = job.onnx(precision)
    if job.suppresses:
        model = with_suppression(model, job.detecting)
    onnx.helper.set_model_props(model, metadata(job, precision))
    onnx.save(model, path)


def _onnx_runners(job: Job, path: Path) -> Runners:
    import onnxruntime

    outputs = NMS_OUTPUTS if job.suppresses else job.interface.outputs
    return {
        f"onnxruntime {onnxruntime.__version__}": onnxruntime_runner(path),
        f"cv2.dnn {cv2.__version__}": opencv_runner(path, outputs),
    }


def _write_torchscript(job: Job, path: Path) -> None:
    with torch.no_grad(), quiet():
        trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace  # untyped
        traced = trace(DetectorGraph(job.deployed), (job.interface.example(),), check_trace=False)
        torch.jit.save(traced, path, _extra_files=_metadata_file(job))


def _torchscript_runners(job: Job, path: Path) -> Runners:
    with quiet():
        load: Callable[..., torch.jit.ScriptModule] = torch.jit.load  # untyped
        module = load(path)
    return {f"torch.jit {torch.__version__}": module_runner(module, job.interface.outputs)}


def _write_program(job: Job, path: Path) -> None:
    with quiet():
        torch.export.save(job.program, path, extra_files=_metadata_file(job))


def _program_runners(job: Job, path: Path) -> Runners:
    with quiet():
        module = torch.export.load(path).module()
    return {f"torch.export {torch.__version__}": module_runner(module, job.interface.outputs)}


def _metadata_file(job: Job) -> dict[str, str]:
    """Inside the archives of PyTorch's own formats."""
    return {"metadata.json": json.dumps(metadata(job, "fp32"))}


def _write_weights(job: Job, path: Path) -> None:
    job.model.save_weights(path)


def _write_safetensors(job: Job, path: Path) -> None:
    state = ModelState(
        tensors=job.model.state_dict(), images_seen=job.model.images_seen, cfg=job.model.cfg.text, names=job.names
    )
    write_state(path, state)


def _reading_runners(job: Job, path: Path) -> Runners:
    """The file read into a new network, as the other programs here do."""
    model = Darknet(job.model.graph).eval()
    load_whole(model, path)
    return {"yolo": model_runner(model, job.interface.outputs)}


FORMATS: dict[FormatName, Format] = {
    "onnx": onnx_format("fp32"),
    "torchscript": Format(ending=".torchscript", write=_write_torchscript, runners=_torchscript_runners),
    "torch-export": Format(ending=".pt2", write=_write_program, runners=_program_runners),
    "weights": Format(ending=".weights", write=_write_weights, runners=_reading_runners, with_cfg=True),
    "safetensors": Format(ending=".safetensors", write=_write_safetensors, runners=_reading_runners),
}
ONNX_HALF = onnx_format("fp16")
ONNX_INT8 = onnx_format("int8")
ENDINGS = {kind.ending for kind in FORMATS.values()}
