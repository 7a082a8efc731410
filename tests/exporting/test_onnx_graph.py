from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import pytest
import torch

from tests.exporting.networks import network
from yolo.boxes.nms import NmsSettings
from yolo.errors import SettingsError
from yolo.exporting.equivalence import SINGLE, compare
from yolo.exporting.graph import DetectorGraph, Interface, exported_program, require_open_axes
from yolo.exporting.onnx_graph import require_onnx, to_onnx
from yolo.exporting.runtimes import model_runner, onnxruntime_runner, opencv_runner
from yolo.exporting.sample_images import check_inputs
from yolo.model.fusing import fuse

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = NmsSettings(score_threshold=0.05, iou_threshold=0.45, max_detections=300)


@pytest.mark.parametrize("name", ["yolo", "heads", "detection", "classifier"])
def test_every_program_finds_what_the_network_finds(name: str, tmp_path: Path) -> None:
    model = network(name)
    interface = Interface.of(model)
    program = exported_program(DetectorGraph(fuse(model)), interface)
    exported = to_onnx(program, interface)
    ours, inputs = model_runner(model, interface.outputs), check_inputs(interface, None)
    onnx.save(exported, tmp_path / "a.onnx")
    for runner in (
        onnxruntime_runner(tmp_path / "a.onnx"),
        onnxruntime_runner(exported.SerializeToString()),
        opencv_runner(tmp_path / "a.onnx", interface.outputs),
    ):
        found = compare(ours, runner, inputs, SETTINGS, SINGLE)
        assert found.within(SINGLE), found
        assert found.expected >= (20 if model.heads else 0)
    fixed = name == "detection"
    axes = [dim.dim_param or dim.dim_value for dim in exported.graph.input[0].type.tensor_type.shape.dim]
    assert axes == (["batch", 3, 32, 32] if fixed else ["batch", 3, "height", "width"])
    assert [batch.shape for batch in inputs] == [(1, 3, 32, 32), (2, 3, 32, 32) if fixed else (2, 3, 24, 16)]


def test_an_old_torch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.export, "Dim", object)
    monkeypatch.setattr(torch, "__version__", "2.4.1")
    with pytest.raises(SettingsError, match=r"^--format onnx, torch-export: torch 2\.4\.1 is too old for them; inst"):
        require_open_axes()


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(SettingsError, match=r"run: pip install 'yolo\[onnx\]'"):
        require_onnx()
