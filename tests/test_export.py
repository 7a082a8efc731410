from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx
import pytest
import torch

from tests.exporting.networks import NETWORKS, build_network
from tests.programs import call
from yolo.checkpoints.loading import load_model
from yolo.checkpoints.state_dict import read_state
from yolo.export import main
from yolo.exporting import export_formats
from yolo.exporting.onnx_nms import NMS_OUTPUTS
from yolo.exporting.runtimes import CannotRunError, Images, Outputs, Runner, build_module_runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

COMMON_FLAGS = ["--weights", "a.weights", "--cfg", "a.cfg", "--conf-thres", 0.2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a network, its weights, class names and a few labelled images."""
    monkeypatch.chdir(tmp_path)
    build_network("small").save_weights("a.weights")
    Path("a.cfg").write_text(NETWORKS["small"])
    Path("a.names").write_text("cat\ndog\n")
    Path("set").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        cv2.imwrite(f"set/{number}.png", rng.integers(0, 255, (40, 40, 3), np.uint8))
        Path(f"set/{number}.txt").write_text("0 0.5 0.5 0.4 0.4\n1 0.2 0.2 0.3 0.3\n")
    Path("val.txt").write_text("".join(f"set/{number}.png\n" for number in range(3)))
    Path("set.data").write_text("classes=2\nvalid=val.txt\nnames=a.names\n")
    return tmp_path


def list_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_every_format(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    every = ["onnx", "torchscript", "torch-export", "weights", "safetensors"]
    more = ["--nms", "--max-det", 7, "--half", "--int8", "--data", "set.data", "--names", "a.names", "--out", "out/b"]
    assert call(monkeypatch, main, *COMMON_FLAGS, *more, "--format", *every) == 0
    printed = capsys.readouterr().out
    suffixes = [".onnx", ".torchscript", ".pt2", ".weights", ".safetensors", "-half.onnx", "-int8.onnx"]
    assert [line.split(":")[0] for line in printed.splitlines() if line[0] != " "] == [
        f"out/b{suffix}" for suffix in suffixes
    ]
    assert {path.name for path in Path("out").iterdir()} == {f"b{suffix}" for suffix in [*suffixes, ".cfg"]}
    programs = [line.split()[0] for line in printed.splitlines() if "matched" in line]
    onnx_programs = ["onnxruntime", "cv2.dnn"]
    assert programs == [*onnx_programs, "torch.jit", "torch.export", "yolo:", "yolo:", *onnx_programs, *onnx_programs]
    assert printed.count("  mAP50-95 ") == 2
    assert printed.count(" on 3 images\n") == 2
    assert Path("out/b.weights").read_bytes() == Path("a.weights").read_bytes()
    assert Path("out/b.cfg").read_text() == NETWORKS["small"]
    assert read_state(Path("out/b.safetensors")).names == ("cat", "dog")
    load_model(None, "out/b.safetensors", torch.device("cpu"))
    for name, precision in (("b", "fp32"), ("b-half", "fp16"), ("b-int8", "int8")):
        exported = onnx.load(f"out/{name}.onnx")
        stored = {prop.key: prop.value for prop in exported.metadata_props}
        assert json.loads(stored.pop("names")) == ["cat", "dog"]
        assert json.loads(stored.pop("dynamic")) == ["batch", "height", "width"]
        assert float(stored.pop("scale")) == 1 / 255
        assert stored == {
            "stride": "4", "height": "32", "width": "32", "color": "RGB", "fit": "letterbox", "fill": "114",
            "precision": precision, "images_seen": "0", "cfg": NETWORKS["small"],
        }  # fmt: skip
        shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in exported.graph.output}
        assert list(shapes) == list(NMS_OUTPUTS)
        assert list(shapes.values()) == [[0, 7, 4], [0, 7], [0, 7], [0]]
    extra = {"metadata.json": ""}
    torch.export.load("out/b.pt2", extra_files=extra)
    assert json.loads(extra["metadata.json"])["cfg"] == NETWORKS["small"]


def build_shifted_runner(module: nn.Module, outputs: Sequence[str]) -> Runner:
    """Return a runner whose boxes are one pixel off."""
    run = build_module_runner(module, outputs)

    def run_shifted(images: Images) -> Outputs:
        found = run(images)
        return {**found, "boxes": np.add(found["boxes"], np.float32(1), dtype=np.float32)}

    return run_shifted


def build_failing_runner(module: nn.Module, outputs: Sequence[str]) -> Runner:
    """Return a runner of a program that cannot run the file."""
    del module, outputs

    def run(images: Images) -> Outputs:
        del images
        raise CannotRunError("no such layer")

    return run


def test_a_file_with_other_detections_is_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export_formats, "build_module_runner", build_shifted_runner)
    before = list_files(folder)
    assert call(monkeypatch, main, *COMMON_FLAGS, "--format", "torchscript") == 2
    error = capsys.readouterr().err
    assert "error: a.torchscript: torch.jit " in error
    assert "does not give the network's detections (scores within" in error
    assert list_files(folder) == before


def test_a_file_that_a_program_cannot_run_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export_formats, "build_module_runner", build_failing_runner)
    assert call(monkeypatch, main, *COMMON_FLAGS, "--format", "torchscript", "--no-fuse") == 0
    assert f"  torch.jit {torch.__version__}: cannot run it (no such layer)\n" in capsys.readouterr().out
    assert Path("a.torchscript").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--format weights", "--out a.weights: already exists; choose another --out, or add --force"),
        ("--format weights --out val", "--out val.cfg: already exists"),
        ("--format torchscript --nms", "--nms with --format torchscript: use it with --format onnx"),
        ("--format torchscript --half", "--half with --format torchscript: use it"),
        ("--int8", "--int8 without --data: use both"),
        ("--int8 --data none", "--data none: no such data set"),
        ("--int8 --data coco", "--data coco: use a data set of the network's 2 classes, not 80"),
        ("--names none", "--names none: no such file"),
        ("--image none.png", "none.png: "),
        ("--max-det 0", "--max-det 0: use 1 or more"),
        ("--conf-thres 1", "--conf-thres 1.0: use a number from 0 to below 1"),
        ("--calibration-images 0", "--calibration-images 0: use 1 or more"),
        ("--out b.onnx", "--out b.onnx: use a name without suffix"),
        ("--img-size 33", "--img-size 33: use a multiple of 4"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    arguments: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("val.cfg").write_text("old")
    before = list_files(folder)
    assert call(monkeypatch, main, *COMMON_FLAGS, *arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1
    assert list_files(folder) == before
