from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from yolo.config.train_settings import OwnPrecisionName
from yolo.engine import precision as module
from yolo.engine.precision import Precision, fastest
from yolo.errors import SettingsError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_autocast_computes_in_the_named_dtype(name: OwnPrecisionName, dtype: torch.dtype) -> None:
    with Precision(name, CPU).autocast():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == dtype


def test_fp16_scales_gradients_and_skips_a_step_that_overflows() -> None:
    weight = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    precision = Precision("fp16", CPU)
    precision.backward(2 * weight.sum())
    assert weight.grad is not None
    scale = precision.state_dict()["scale"]
    assert weight.grad.item() == 2 * scale > 2
    precision.unscale(optimizer)
    assert weight.grad.item() == 2
    precision.step(optimizer)
    assert weight.item() == -1
    precision.backward(torch.inf * weight.sum())
    precision.unscale(optimizer)
    assert precision.backoff_scale(optimizer)  # the scale was halved: a later step may succeed
    assert weight.item() == -1
    assert precision.state_dict()["scale"] == scale / 2


def test_without_loss_scaling_backoff_does_nothing() -> None:
    weight = nn.Parameter(torch.ones(1))
    weight.grad = torch.full((1,), torch.nan)
    assert not Precision("bf16", CPU).backoff_scale(torch.optim.SGD([weight], lr=1.0))
    assert weight.item() == 1


def test_the_scale_is_restored_only_for_the_same_precision() -> None:
    first, second = Precision("fp16", CPU), Precision("fp16", CPU)
    first.load_state_dict(first.state_dict() | {"scale": 8.0})
    second.load_state_dict(first.state_dict())
    assert second.state_dict()["scale"] == 8.0
    plain = Precision("fp32", CPU)
    plain.load_state_dict(first.state_dict())
    assert plain.state_dict() == {}
    second.load_state_dict(plain.state_dict())
    assert second.state_dict()["scale"] == 8.0


@pytest.mark.parametrize(
    ("flags", "name"),
    [("fpu avx512f", "fp32"), ("avx512f avx512_bf16", "bf16"), ("amx_bf16 amx_tile", "bf16"), (None, "fp32")],
)
def test_auto_on_a_cpu_follows_its_flags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None, name: str
) -> None:
    path = tmp_path / "cpuinfo"
    if flags is not None:
        path.write_text(f"flags\t: {flags}\n")
    monkeypatch.setattr(module, "CPU_INFO", path)
    assert fastest(CPU) == name


@pytest.mark.parametrize(("capability", "name"), [((6, 1), "fp32"), ((7, 5), "fp16"), ((8, 0), "bf16")])
def test_auto_on_a_gpu_follows_its_compute_capability(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], name: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert fastest(torch.device("cuda")) == name


def test_tf32_needs_cuda() -> None:
    with pytest.raises(SettingsError, match="--precision tf32: only CUDA devices support it, this is cpu; use auto"):
        Precision("tf32", CPU)
