"""Number formats of a training step: what the forward pass computes in, and the loss scaling that fp16 needs.

Weights, their averages and the optimizer stay in float32 in all of them.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from yolo.config.train_settings import OwnPrecisionName, PrecisionName
from yolo.engine.apex import ApexPrecision
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor, nn
    from torch.optim import Optimizer

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
CPU_INFO = Path("/proc/cpuinfo")
FIRST_BF16_GPU, FIRST_FP16_GPU = (8, 0), (7, 0)  # CUDA compute capabilities with fast arithmetic of the kind


class Precision:
    """Autocast and gradient scaling of one kind.

    Args:
        name: `auto` takes what is fastest and safe on the device.
        device: where the model is.

    Raises:
        SettingsError: the device has no such arithmetic.
    """

    def __init__(self, name: OwnPrecisionName, device: torch.device) -> None:
        self.name = fastest(device) if name == "auto" else name
        if self.name == "tf32" and device.type != "cuda":
            raise SettingsError(f"--precision tf32: CUDA devices alone have it, this is {device}; use auto")
        self._device = device.type
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.name == "fp16")
        if device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.name == "tf32"

    def prepare(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Nothing: neither is changed."""

    def full(self) -> AbstractContextManager[Any]:
        """A context in which everything is computed in float32, outside of a step: nothing is needed."""
        return nullcontext()

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of the forward pass."""
        return torch.autocast(self._device, DTYPES.get(self.name), enabled=self.name in DTYPES)

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients to the parameters', scaled where fp16 would lose the small ones."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: Optimizer) -> None:
        """Bring gradients to their true size; call once before they are looked at."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> None:
        """Step, with gradients that are finite."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def backoff_scale(self, optimizer: Optimizer) -> bool:
        """Lower the scale after gradients that are not finite; false where no scale can be to blame."""
        if not self._scaler.is_enabled():
            return False
        self.step(optimizer)  # which passes over such gradients
        return self._scaler.get_scale() >= 1

    def state_dict(self) -> dict[str, Any]:
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the scale; of a run in another precision there is none."""
        if state and self._scaler.is_enabled():
            self._scaler.load_state_dict(state)


def build_precision(name: PrecisionName, device: torch.device) -> Precision | ApexPrecision:
    """PyTorch's number formats, or apex's where they are asked for.

    Raises:
        SettingsError: the device has no such arithmetic, or no such apex is installed.
    """
    if name == "apex-O1" or name == "apex-O2":
        return ApexPrecision(name, device)
    return Precision(name, device)


def fastest(device: torch.device) -> OwnPrecisionName:
    """Bf16 where the processor computes in it, else fp16 on GPUs that do, else fp32."""
    if device.type == "cpu":
        return "bf16" if _cpu_computes_bf16() else "fp32"
    if device.type != "cuda":
        return "fp32"
    capability = torch.cuda.get_device_capability(device)
    if capability >= FIRST_BF16_GPU:
        return "bf16"
    return "fp16" if capability >= FIRST_FP16_GPU else "fp32"


def _cpu_computes_bf16() -> bool:
    """Whether the processor says so; PyTorch alone would also emulate it, slowly."""
    flags = CPU_INFO.read_text(encoding="utf-8").split() if CPU_INFO.is_file() else []
    return "avx512_bf16" in flags or "amx_bf16" in flags
