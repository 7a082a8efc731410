from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx
import pytest
import torch

from tests.exporting.networks import NETWORKS, network
from tests.programs import call
from yolo.checkpoints.loading import load_model
from yolo.checkpoints.state_dict import read_state
from yolo.export import main
from yolo.exporting import export_formats
from yolo.exporting.graph_nms import NMS_OUTPUTS
from yolo.exporting.runtimes import CannotRunError, Images, Outputs, Runner, module_runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

GIVEN = ["--weights", "a.weights", "--cfg", "a.cfg", "--conf-thres", 0.2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a network, its weights, class names and a few labelled images."""
    monkeypatch.chdir(tmp_path)
    network("small").save_weights("a.weights")
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


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_every_format(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    every = ["onnx", "torchscript", "torch-export", "weights", "safetensors"]
    more = ["--nms", "--max-det", 7, "--half", "--int8", "--data", "set.data", "--names", "a.names", "--out", "out/b"]
    assert call(monkeypatch, main, *GIVEN, *more, "--format", *every) == 0
    said = capsys.readouterr().out
    endings = [".onnx", ".torchscript", ".pt2", ".weights", ".safetensors", "-half.onnx", "-int8.onnx"]
    assert [line.split(":")[0] for line in said.splitlines() if line[0] != " "] == [f"out/b{e}" for e in endings]
    assert {path.name for path in Path("out").iterdir()} == {f"b{ending}" for ending in [*endings, ".cfg"]}
    runs = [line.split()[0] for line in said.splitlines() if "alike" in line]
    of_onnx = ["onnxruntime", "cv2.dnn"]
    assert runs == [*of_onnx, "torch.jit", "torch.export", "yolo:", "yolo:", *of_onnx, *of_onnx]
    assert said.count("  mAP50-95 ") == 2
    assert said.count(" on 3 images\n") == 2
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


def shifted(module: nn.Module, outputs: Sequence[str]) -> Runner:
    """A program that is a little wrong."""
    run = module_runner(module, outputs)

    def wrong(images: Images) -> Outputs:
        found = run(images)
        return {**found, "boxes": np.add(found["boxes"], np.float32(1), dtype=np.float32)}

    return wrong


def refusing(module: nn.Module, outputs: Sequence[str]) -> Runner:
    """A program that lacks something."""
    del module, outputs

    def run(images: Images) -> Outputs:
        del images
        raise CannotRunError("no such layer")

    return run


def test_what_finds_something_else_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export_formats, "module_runner", shifted)
    before = files(folder)
    assert call(monkeypatch, main, *GIVEN, "--format", "torchscript") == 2
    error = capsys.readouterr().err
    assert "error: a.torchscript: torch.jit " in error
    assert "does not find what the network finds (scores within" in error
    assert files(folder) == before


def test_a_program_that_cannot_run_a_file_is_no_fault_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export_formats, "module_runner", refusing)
    assert call(monkeypatch, main, *GIVEN, "--format", "torchscript", "--no-fuse") == 0
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
        ("--int8 --data coco", "--data coco: use one of 2 classes, not 80, as the network"),
        ("--names none", "--names none: no such file"),
        ("--image none.png", "none.png: "),
        ("--max-det 0", "--max-det 0: use 1 or more"),
        ("--conf-thres 1", "--conf-thres 1.0: use a number from 0 to below 1"),
        ("--calibration-images 0", "--calibration-images 0: use 1 or more"),
        ("--out b.onnx", "--out b.onnx: use a name without ending"),
        ("--img-size 33", "--img-size 33: use a multiple of 4"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    arguments: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("val.cfg").write_text("old")
    before = files(folder)
    assert call(monkeypatch, main, *GIVEN, *arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1
    assert files(folder) == before
