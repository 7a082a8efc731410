"""`torch.compile` for the training step."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from yolo.errors import SettingsError

if TYPE_CHECKING:
    import torch
    from torch import nn

COMPILERS = ("g++", "clang++", "c++", "cl")


def compile_model(model: nn.Module, device: torch.device, *, dynamic: bool) -> None:
    """Let a model be compiled at its first call.

    This works in place: its tensors keep their names, and copies of it are not compiled.

    Args:
        model: to compile.
        device: of the model.
        dynamic: the sizes of its inputs vary from step to step.

    Raises:
        SettingsError: there is no C++ compiler, which PyTorch needs for it on any device.
    """
    compiler = os.environ.get("CXX") or next(filter(shutil.which, COMPILERS), None)
    if compiler is None or not shutil.which(compiler):
        raise SettingsError(
            f"--compile: on {device} PyTorch needs a C++ compiler, and {compiler or ', '.join(COMPILERS)} is not "
            "found; install g++, or leave out --compile"
        )
    model.compile(dynamic=dynamic or None)
