"""Use fake `apex` packages: old and current NVIDIA apex, a broken build, and PyPI's project of the same name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from yolo.engine.apex import ApexPrecision, fused_optimizers, load_amp
from yolo.engine.optimizer import build_optimizer, check_arguments, find_optimizer
from yolo.engine.precision import Precision, build_precision
from yolo.errors import SettingsError

CUDA = torch.device("cuda")

OPTIMIZERS = """
import torch
class FusedSGD(torch.optim.SGD):
    pass
class FusedLAMB(torch.optim.Adam):
    pass
class FusedScaleMaskSoftmax:
    pass
"""
AMP = """
from contextlib import contextmanager
calls = []
state = {"loss_scale": 8.0, "unskipped": 0}
def initialize(model, optimizer, **settings):
    calls.append(settings)
@contextmanager
def scale_loss(loss, optimizer):
    yield loss * state["loss_scale"]
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad /= state["loss_scale"]
@contextmanager
def disable_casts():
    calls.append("disabled")
    yield
def state_dict():
    return {"loss_scaler0": dict(state)}
def load_state_dict(values):
    state.update(values["loss_scaler0"])
"""
FAKE_PACKAGES = {
    "other": {"__init__.py": "raise RuntimeError('imported')", "models.py": ""},
    "current": {"__init__.py": "", "optimizers/__init__.py": OPTIMIZERS},
    "old": {"__init__.py": "", "optimizers/__init__.py": OPTIMIZERS, "amp/__init__.py": AMP},
    "broken": {"__init__.py": "", "optimizers/__init__.py": "import amp_C", "amp/__init__.py": "import amp_C"},
}
Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that puts one of the fake packages on the import path."""

    def unload() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "apex"]:
            del sys.modules[name]

    def add_to_path(kind: str) -> None:
        for name, text in FAKE_PACKAGES[kind].items():
            path = tmp_path / "apex" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(tmp_path)

    unload()
    yield add_to_path
    unload()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (None, "--x: apex is not installed; build it from https://github.com/NVIDIA/apex, or leave"),
        ("other", r"--x: the apex that is installed \(.*apex/__init__.py\) is not NVIDIA's but PyPI's project"),
        ("current", "--x: this build of NVIDIA apex no longer has apex.amp; use --precision bf16 or"),
        ("broken", r"--x: apex.amp is installed but cannot be imported \(No module named 'amp_C'\); build apex"),
    ],
)
def test_a_missing_amp_is_explained(
    kind: str | None, message: str, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    else:
        install(kind)
    with pytest.raises(SettingsError, match=message):
        load_amp("--x")


@pytest.mark.parametrize("kind", ["current", "old"])
def test_fused_optimizers_are_found_ignoring_case(kind: str, install: Install) -> None:
    install(kind)
    assert set(fused_optimizers("--x")) == {"FusedSGD", "FusedLAMB"}
    assert find_optimizer("fusedsgd").__name__ == "FusedSGD"
    check_arguments("FusedLAMB", {"eps": 1e-6}, torch.device("cpu"))
    with pytest.raises(SettingsError, match="--optimizer-args epps 1: FusedSGD takes dampening, "):
        check_arguments("FusedSGD", {"epps": 1}, torch.device("cpu"))
    with pytest.raises(
        SettingsError, match=r"--optimizer FusedX: not in apex\.optimizers; use one of FusedLAMB, Fused"
    ):
        find_optimizer("FusedX")
    with pytest.raises(SettingsError, match="--optimizer FusedSGD: only CUDA devices support apex, this is cpu"):
        build_optimizer(nn.Linear(1, 1), "FusedSGD", lr=0.1, momentum=0.9, weight_decay=0)


@pytest.mark.parametrize("kind", ["other", "broken"])
def test_without_nvidias_apex_there_is_no_fused_optimizer(kind: str, install: Install) -> None:
    install(kind)
    with pytest.raises(SettingsError, match=r"--optimizer FusedAdam: .*apex"):
        check_arguments("FusedAdam", {}, torch.device("cpu"))


@pytest.mark.parametrize("name", ["apex-O1", "apex-O2"])
def test_amp_scales_losses_and_unscales_gradients(name: str, install: Install) -> None:
    install("old")
    precision = build_precision(name, CUDA)  # type: ignore[arg-type]
    assert isinstance(precision, ApexPrecision)
    model = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    precision.prepare(model, optimizer)
    before = model.weight.item()
    with precision.autocast():
        loss = 3 * model(torch.ones(1)).sum()
    precision.backward(loss)
    precision.unscale(optimizer)
    assert model.weight.grad is not None
    assert model.weight.grad.item() == 3
    precision.step(optimizer)
    assert model.weight.item() == pytest.approx(before - 1.5)
    with precision.full():
        pass
    assert load_amp("--x").calls == [{"opt_level": name[-2:], "verbosity": 0}, "disabled"]


def test_amp_state_round_trips_and_backoff_fails_below_a_scale_of_one(install: Install) -> None:
    install("old")
    precision, optimizer = ApexPrecision("apex-O1", CUDA), torch.optim.SGD([nn.Parameter(torch.ones(1))])
    state = precision.state_dict()
    assert precision.backoff_scale(optimizer)
    precision.load_state_dict({"loss_scaler0": {"loss_scale": 0.5}})
    assert not precision.backoff_scale(optimizer)
    precision.load_state_dict({"scale": 2.0})  # state of an fp16 run: ignored
    assert precision.state_dict()["loss_scaler0"]["loss_scale"] == 0.5
    precision.load_state_dict(state)
    assert precision.state_dict() == state


def test_amp_needs_cuda(install: Install) -> None:
    install("old")
    with pytest.raises(SettingsError, match="--precision apex-O1: only CUDA devices support apex, this is cpu"):
        build_precision("apex-O1", torch.device("cpu"))


def test_bf16_needs_no_apex() -> None:
    assert isinstance(build_precision("bf16", torch.device("cpu")), Precision)
