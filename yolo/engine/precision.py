"""Number formats of a training step: autocast of the forward pass, and the loss scaling that fp16 needs.

Weights, their averages and the optimizer stay in float32.
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
FIRST_BF16_GPU, FIRST_FP16_GPU = (8, 0), (7, 0)  # CUDA compute capabilities that are fast in these formats


class Precision:
    """Autocast and gradient scaling of a number format.

    Args:
        name: `auto` is the fastest safe format of the device.
        device: of the model.

    Raises:
        SettingsError: the device does not support the format.
    """

    def __init__(self, name: OwnPrecisionName, device: torch.device) -> None:
        self.name = fastest(device) if name == "auto" else name
        if self.name == "tf32" and device.type != "cuda":
            raise SettingsError(f"--precision tf32: only CUDA devices support it, this is {device}; use auto")
        self._device = device.type
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.name == "fp16")
        if device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.name == "tf32"

    def prepare(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Do nothing: neither is changed."""

    def full(self) -> AbstractContextManager[Any]:
        """Return a context outside of steps in which everything is computed in float32."""
        return nullcontext()

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of the forward pass."""
        return torch.autocast(self._device, DTYPES.get(self.name), enabled=self.name in DTYPES)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of the loss to the parameters; fp16 scales them, so that small ones are not lost."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: Optimizer) -> None:
        """Unscale the gradients; call once before they are read."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> None:
        """Make the optimizer step, with finite gradients."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def backoff_scale(self, optimizer: Optimizer) -> bool:
        """Lower the scale after gradients that are not finite; return False if the scale cannot be the cause."""
        if not self._scaler.is_enabled():
            return False
        self.step(optimizer)  # skips the step
        return self._scaler.get_scale() >= 1

    def state_dict(self) -> dict[str, Any]:
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the scale; a run in another precision has none."""
        if state and self._scaler.is_enabled():
            self._scaler.load_state_dict(state)


def build_precision(name: PrecisionName, device: torch.device) -> Precision | ApexPrecision:
    """Build a number format of PyTorch, or of apex.

    Raises:
        SettingsError: the device does not support it, or apex is not installed.
    """
    if name == "apex-O1" or name == "apex-O2":
        return ApexPrecision(name, device)
    return Precision(name, device)


def fastest(device: torch.device) -> OwnPrecisionName:
    """Return bf16 if the processor supports it natively, else fp16 on GPUs that do, else fp32."""
    if device.type == "cpu":
        return "bf16" if _cpu_computes_bf16() else "fp32"
    if device.type != "cuda":
        return "fp32"
    capability = torch.cuda.get_device_capability(device)
    if capability >= FIRST_BF16_GPU:
        return "bf16"
    return "fp16" if capability >= FIRST_FP16_GPU else "fp32"


def _cpu_computes_bf16() -> bool:
    """Return whether the processor reports bf16 instructions; PyTorch would also emulate them, slowly."""
    flags = CPU_INFO.read_text(encoding="utf-8").split() if CPU_INFO.is_file() else []
    return "avx512_bf16" in flags or "amx_bf16" in flags
