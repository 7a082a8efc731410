from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import pytest
import torch

from tests.exporting.networks import build_network
from yolo.boxes.nms import NmsSettings
from yolo.errors import SettingsError
from yolo.exporting.detector_graph import DetectorGraph, GraphSignature, export_program, require_dynamic_export
from yolo.exporting.equivalence import FP32_TOLERANCE, compare_runners
from yolo.exporting.onnx_graph import program_to_onnx, require_onnx
from yolo.exporting.runtimes import build_model_runner, build_onnxruntime_runner, build_opencv_runner
from yolo.exporting.sample_images import build_check_inputs
from yolo.model.fusing import fuse

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = NmsSettings(score_threshold=0.05, iou_threshold=0.45, max_detections=300)


@pytest.mark.parametrize("name", ["yolo", "heads", "detection", "classifier"])
def test_every_runtime_gives_the_detections_of_the_network(name: str, tmp_path: Path) -> None:
    model = build_network(name)
    signature = GraphSignature.from_model(model)
    program = export_program(DetectorGraph(fuse(model)), signature)
    model_proto = program_to_onnx(program, signature)
    reference_runner, inputs = build_model_runner(model, signature.output_names), build_check_inputs(signature, None)
    onnx.save(model_proto, tmp_path / "a.onnx")
    for runner in (
        build_onnxruntime_runner(tmp_path / "a.onnx"),
        build_onnxruntime_runner(model_proto.SerializeToString()),
        build_opencv_runner(tmp_path / "a.onnx", signature.output_names),
    ):
        found = compare_runners(reference_runner, runner, inputs, SETTINGS, FP32_TOLERANCE)
        assert found.is_within(FP32_TOLERANCE), found
        assert found.num_expected >= (20 if model.heads else 0)
    fixed = name == "detection"
    axes = [dim.dim_param or dim.dim_value for dim in model_proto.graph.input[0].type.tensor_type.shape.dim]
    assert axes == (["batch", 3, 32, 32] if fixed else ["batch", 3, "height", "width"])
    assert [batch.shape for batch in inputs] == [(1, 3, 32, 32), (2, 3, 32, 32) if fixed else (2, 3, 24, 16)]


def test_a_torch_without_dynamic_axes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.export, "Dim", object)
    monkeypatch.setattr(torch, "__version__", "2.4.1")
    with pytest.raises(SettingsError, match=r"^--format onnx, torch-export: torch 2\.4\.1 is too old for them; inst"):
        require_dynamic_export()


def test_a_missing_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(SettingsError, match=r"run: pip install 'darknet-yolo-torch\[onnx\]'"):
        require_onnx()
