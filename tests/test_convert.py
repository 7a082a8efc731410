from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.model.test_network import SMALL, SMALL_VALUES, randomized, small
from tests.programs import call
from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.checkpoints.loading import load_model
from yolo.checkpoints.state_dict import read_state
from yolo.convert import main

FIRST_LAYER_VALUES = 4 * 4 + 4 * 27


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a network, its weights, and class names."""
    monkeypatch.chdir(tmp_path)
    model = randomized(small())
    model.images_seen = 77
    model.save_weights("a.weights")
    (tmp_path / "small.cfg").write_text(SMALL)
    (tmp_path / "a.names").write_text("cell\n")
    return tmp_path


@pytest.mark.parametrize("between", ["b.pt", "b.safetensors"])
def test_a_round_trip_gives_the_same_bytes(between: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = ["--weights", "a.weights", "--cfg", "small.cfg", "--names", "a.names", "--out", between]
    assert call(monkeypatch, main, *go) == 0
    assert call(monkeypatch, main, "--weights", between, "--out", "out/c.weights", "--write-cfg") == 0
    assert Path("out/c.weights").read_bytes() == Path("a.weights").read_bytes()
    assert Path("out/c.cfg").read_text() == SMALL
    assert sorted(path.name for path in Path("out").iterdir()) == ["c.cfg", "c.weights"]
    assert read_state(Path(between)).names == ("cell",)


def test_converted_files_give_the_same_outputs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, main, "--weights", "a.weights", "--cfg", "small.cfg", "--out", "b.safetensors")
    expected, _ = load_model("small.cfg", "a.weights", torch.device("cpu"))
    found, _ = load_model(None, "b.safetensors", torch.device("cpu"))
    image = torch.rand(1, 3, 32, 32)
    assert all(torch.equal(a, b) for a, b in zip(expected(image), found(image), strict=True))
    assert found.images_seen == 77


def test_a_partial_file_is_the_start_of_the_whole_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = ["--cfg", "small.cfg", "--cutoff", 1]
    assert call(monkeypatch, main, *cut, "--weights", "a.weights", "--out", "a.conv.1") == 0
    data = Path("a.conv.1").read_bytes()
    assert data == Path("a.weights").read_bytes()[: 20 + 4 * FIRST_LAYER_VALUES]
    # a partial file converts as far as it goes
    assert call(monkeypatch, main, *cut, "--weights", "a.conv.1", "--out", "b.pt") == 0
    assert {name.split(".")[1] for name in read_state(Path("b.pt")).tensors} == {"0"}
    assert call(monkeypatch, main, *cut, "--weights", "b.pt", "--out", "b.conv.1") == 0
    assert Path("b.conv.1").read_bytes() == data


@pytest.mark.parametrize(("flag", "value"), [("--ema", 2.0), ("--no-ema", 1.0)])
def test_ema_chooses_between_two_sets_of_weights(
    flag: str, value: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = small().state_dict()
    raw, averaged = ({name: torch.full_like(t, fill) for name, t in state.items()} for fill in (1.0, 2.0))
    run = {"cfg": SMALL, "names": ["cell"], "state": {"images_seen": 5}}
    save_checkpoint(Path("last.pt"), {**run, "model": raw, "ema": {"model": averaged, "updates": 1}})
    assert call(monkeypatch, main, "--weights", "last.pt", "--out", "b.safetensors", flag) == 0
    found = read_state(Path("b.safetensors"))
    assert set(found.tensors["layers.1.conv.bias"].tolist()) == {value}
    assert (found.images_seen, found.names) == (5, ("cell",))


def test_half_keeps_values_beyond_its_range_in_single_precision(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = {name: tensor * 0 + 0.1 for name, tensor in small().state_dict().items()}
    state["layers.0.bn.running_var"] += 1e6  # beyond the largest half
    save_checkpoint(Path("last.pt"), {"cfg": SMALL, "names": ["cell"], "model": state, "optimizer": {"state": state}})
    assert call(monkeypatch, main, "--weights", "last.pt", "--out", "b.pt", "--half") == 0
    found = read_state(Path("b.pt"))
    dtypes = {name: tensor.dtype for name, tensor in found.tensors.items() if tensor.is_floating_point()}
    assert [name for name, dtype in dtypes.items() if dtype != torch.half] == ["layers.0.bn.running_var"]
    assert Path("b.pt").stat().st_size < Path("last.pt").stat().st_size
    model, names = load_model(None, "b.pt", torch.device("cpu"))
    assert names == ("cell",)
    loaded = model.state_dict()["layers.1.conv.bias"]
    assert loaded.dtype == torch.float32
    assert loaded.tolist() == pytest.approx([0.1] * len(loaded), rel=1e-3)


def test_the_report_has_counts_and_sizes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, main, "--weights", "a.weights", "--cfg", "small.cfg", "--out", "b.weights", "--write-cfg")
    size = f"{20 + 4 * SMALL_VALUES:,}"
    counts = f"9 tensors, {SMALL_VALUES} values, {size} bytes (a.weights: {size}), seen 77"
    assert capsys.readouterr().out == f"b.weights, b.cfg: {counts}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--weights a.weights --out b.pt", "--weights a.weights: this file does not contain its network; add --cfg"),
        ("--cfg small.cfg --weights a.weights --out a.weights", "--out a.weights: already exists; choose another"),
        ("--cfg small.cfg --weights a.weights --out small.pt --write-cfg", "--out small.cfg: already exists;"),
        ("--cfg small.cfg --weights a.weights --out b.onnx", "--out b.onnx: use a name that ends in .weights, .pt or"),
        ("--cfg small.cfg --weights a.weights --out b.weights --half", "--half with --out b.weights: use a .pt or"),
        ("--cfg small.cfg --weights a.weights --out b.weights --cutoff 0", "--cutoff 0: use 1 or more"),
        ("--cfg small.cfg --weights a.weights --out b.weights --cutoff 7", "--cutoff 7: use 1..6"),
        ("--cfg small.cfg --weights a.weights --out b.pt --cutoff 7", "--cutoff 7: use 1..6"),
        ("--cfg yolov3-tiny --weights a.weights --out b.pt", "a.weights: layer 0 of "),
        ("--cfg small.cfg --weights none.weights --out b.pt", "--weights none.weights: no such file, nor the name of"),
        ("--cfg small.cfg --weights none.pt --out b.weights", "--weights none.pt: no such file"),
        ("--cfg small.cfg --weights a.names --out b.pt", "a.names: not a Darknet weights file"),
        ("--cfg small.cfg --weights a.weights --names none --out b.pt", "--names none: no such file"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    arguments: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert call(monkeypatch, main, *arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_force_overwrites(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("b.weights").write_text("old")
    assert (
        call(monkeypatch, main, *["--cfg", "small.cfg", "--weights", "a.weights", "--out", "b.weights", "--force"]) == 0
    )
    assert Path("b.weights").read_bytes() == Path("a.weights").read_bytes()


def test_a_partial_file_without_cutoff_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = "--cfg small.cfg --weights a.weights --out a.conv.1 --cutoff 1"
    assert call(monkeypatch, main, *cut.split()) == 0
    assert call(monkeypatch, main, *["--cfg", "small.cfg", "--weights", "a.conv.1", "--out", "b.pt"]) == 2
    assert "4 tensors of small.cfg are not in it, the first: layers.1.conv.weight" in capsys.readouterr().err
