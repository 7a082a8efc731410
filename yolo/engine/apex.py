"""NVIDIA's apex if it is installed: its mixed precision (only in old builds) and its fused optimizers.

Its files are checked before anything is imported: PyPI has another project of the same name.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from contextlib import nullcontext
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

from yolo.config.train_settings import ApexName
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import ModuleType

    import torch
    from torch import Tensor, nn


REPOSITORY = "https://github.com/NVIDIA/apex"
LAST_WITH_AMP = "the last with amp is before its commit cb65b8ed of May 2025"
STATE = "loss_scaler0"  # key of the scale of the first loss in its state


def load_amp(flag: str) -> ModuleType:
    """Import `apex.amp`.

    Args:
        flag: that asked for it, for messages.

    Raises:
        SettingsError: apex is not installed, is another project, is too new to have it, or is broken.
    """
    parts = _parts(flag, "amp", "optimizers")
    if "amp" not in parts:
        raise SettingsError(
            f"{flag}: this build of NVIDIA apex no longer has apex.amp; use --precision bf16 or fp16, "
            f"or build an older apex: {LAST_WITH_AMP}"
        )
    return _import("apex.amp", flag)


def fused_optimizers(flag: str) -> dict[str, type[Optimizer]]:
    """Return the classes of `apex.optimizers` by name.

    Args:
        flag: that asked for them, for messages.

    Raises:
        SettingsError: apex is not installed, is another project, or is broken.
    """
    _parts(flag, "optimizers")
    module = _import("apex.optimizers", flag)
    return {
        name: each
        for name, each in vars(module).items()
        if name.startswith("Fused") and inspect.isclass(each) and issubclass(each, Optimizer)
    }


def _parts(flag: str, *names: str) -> set[str]:
    """Return which of these parts the installed NVIDIA apex has.

    Raises:
        SettingsError: there is no apex, or it is not NVIDIA's.
    """
    found = importlib.util.find_spec("apex")
    if found is None:
        raise SettingsError(f"{flag}: apex is not installed; build it from {REPOSITORY}, or leave the flag out")
    folders = found.submodule_search_locations or []
    parts = {name for name in names if PathFinder.find_spec(f"apex.{name}", list(folders))}
    if "optimizers" not in parts:
        raise SettingsError(
            f"{flag}: the apex that is installed ({found.origin}) is not NVIDIA's but PyPI's project of that name; "
            f"uninstall it and build NVIDIA's from {REPOSITORY}"
        )
    return parts


def _import(name: str, flag: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise SettingsError(
            f"{flag}: {name} is installed but cannot be imported ({error}); build apex again for this PyTorch"
        ) from error


class ApexPrecision:
    """Mixed precision by an old apex; PyTorch's own does the same.

    With O1 apex casts around PyTorch's functions. With O2 the model itself is in half precision, and the optimizer
    keeps weights in float32, which no checkpoint holds: a resumed run continues from the half-precision weights.

    Args:
        name: of the apex level.
        device: of the model.

    Raises:
        SettingsError: no such apex, or no CUDA device.
    """

    def __init__(self, name: ApexName, device: torch.device) -> None:
        flag = f"--precision {name}"
        self.name = name
        self._amp = load_amp(flag)
        if device.type != "cuda":
            raise SettingsError(f"{flag}: only CUDA devices support apex, this is {device}; use auto")

    def prepare(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Change model and optimizer in place; call once, after they were moved and copied."""
        self._optimizer = optimizer
        level = self.name.removeprefix("apex-")
        self._amp.initialize(model, optimizer, opt_level=level, verbosity=0)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return an empty context: apex has changed the functions or the model."""
        return nullcontext()

    def full(self) -> AbstractContextManager[Any]:
        """Return a context without the casts of apex."""
        casts: AbstractContextManager[Any] = self._amp.disable_casts()
        return casts

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of the loss to those of the parameters; apex scales and unscales in here."""
        with self._amp.scale_loss(loss, self._optimizer) as scaled:
            scaled.backward()

    def unscale(self, optimizer: Optimizer) -> None:
        """Do nothing: gradients are unscaled already."""

    def step(self, optimizer: Optimizer) -> None:
        """Make the optimizer step."""
        optimizer.step()

    def backoff_scale(self, optimizer: Optimizer) -> bool:
        """Let apex skip a step; it has lowered its scale already."""
        optimizer.step()
        return float(self._amp.state_dict()[STATE]["loss_scale"]) >= 1

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = self._amp.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the scale; a run in another precision has none."""
        if STATE in state:
            self._amp.load_state_dict(state)
