"""Checkpoints: dicts of tensors, numbers and text, loadable without running code from the file."""

from __future__ import annotations

import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import torch

from yolo.errors import WeightsError
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Raises:
        WeightsError: no such file, cut short, or not a checkpoint of this package.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; check the path")
    problem = f"{path}: not a checkpoint that can be read"
    if not zipfile.is_zipfile(path):
        raise WeightsError(f"{problem}: it is cut short or of another format; fetch or write it anew")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError) as error:
        raise WeightsError(f"{problem}: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or "model" not in state:
        raise WeightsError(f"{problem}: it holds no 'model'")
    return state
