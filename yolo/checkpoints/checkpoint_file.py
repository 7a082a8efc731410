"""Checkpoints: dicts of tensors, numbers and text, loadable without running code from the file."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from yolo.errors import WeightsError
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path


# Files written before torch 1.6 are not zip archives; they start with this number, pickled.
OLD_FORMAT_START = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)

# Exceptions of PyTorch's reader on damaged files.
DAMAGE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; a bare state dict is returned as `{"model": state_dict}`.

    Raises:
        WeightsError: no such file, cut short, not a checkpoint, or one that needs code from the file to load.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; check the path")
    problem = f"{path}: not a checkpoint that can be read"
    if not (zipfile.is_zipfile(path) or _is_old_format(path)):
        raise WeightsError(f"{problem}: it is cut short or of another format; download or save it again")
    try:
        state = _load_data(path)
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{problem}: {_cause(error)}; save only its state_dict() and load that") from error
    except DAMAGE_ERRORS as error:
        raise WeightsError(f"{problem}: it is damaged ({type(error).__name__}); download or save it again") from error
    if isinstance(state, dict) and state and all(isinstance(value, Tensor) for value in state.values()):
        state = {"model": state}
    if not isinstance(state, dict) or not isinstance(state.get("model"), dict):
        raise WeightsError(f"{problem}: it holds no 'model'")
    return state


def _is_old_format(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(OLD_FORMAT_START)) == OLD_FORMAT_START


def _load_data(path: Path) -> Any:
    """Load tensors, plain types, and the NumPy values that older trainers saved."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "numpy" not in str(error):
            raise
    with torch.serialization.safe_globals(_numpy_globals()):
        return torch.load(path, map_location="cpu", weights_only=True)


def _numpy_globals() -> list[Any]:
    """Return the globals that unpickle NumPy numbers and arrays, by their names in NumPy 1 and 2."""
    scalar, reconstruct = np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0]
    dtypes = [type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")]
    named = [
        (part, f"{module}.{name}")
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
        for part, name in ((scalar, "scalar"), (reconstruct, "_reconstruct"))
    ]
    return [np.dtype, np.ndarray, *dtypes, *named]


def _cause(error: pickle.UnpicklingError) -> str:
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    return f"it holds {named[1]}, which would run code from the file" if named else "it is damaged or holds objects"
