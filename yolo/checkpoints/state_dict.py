"""Read and write a model's named tensors as a checkpoint `.pt` or as `.safetensors`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from yolo.checkpoints.checkpoint_file import load_checkpoint, save_checkpoint
from yolo.checkpoints.older_trainers import rename_old_keys
from yolo.errors import SettingsError, WeightsError
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT_SUFFIXES = (".pt", ".pth")
SAFETENSORS_SUFFIX = ".safetensors"
NO_SAFETENSORS = "the safetensors package is not installed; run: pip install safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """A model's named tensors, cfg and class names."""

    tensors: dict[str, Tensor]
    images_seen: int = 0
    cfg: str | None = None  # text of the network file; None in files of other programs
    names: tuple[str, ...] = ()  # class names


def is_state_file(path: Path) -> bool:
    """Return whether the suffix is `.pt`, `.pth` or `.safetensors`; any other file is a Darknet `.weights`."""
    return path.suffix in (*CHECKPOINT_SUFFIXES, SAFETENSORS_SUFFIX)


def read_state(path: Path, *, averaged: bool = True) -> ModelState:
    """Read a file; keys of older trainers are renamed.

    Args:
        path: `.pt`, `.pth` or `.safetensors`.
        averaged: take the moving average of the weights if a checkpoint has both.

    Raises:
        WeightsError: no such file, damaged, or not the state of a model.
        SettingsError: it is `.safetensors`, and the package for that is not installed.
    """
    if path.suffix == SAFETENSORS_SUFFIX:
        return _read_safetensors(path)
    return model_state(load_checkpoint(path), averaged=averaged)


def write_state(path: Path, state: ModelState) -> None:
    """Write a file atomically, in the format of its suffix.

    Raises:
        SettingsError: it is `.safetensors`, and the package for that is not installed.
    """
    if path.suffix == SAFETENSORS_SUFFIX:
        _write_safetensors(path, state)
        return
    description = {"cfg": state.cfg, "names": list(state.names), "images_seen": state.images_seen}
    save_checkpoint(path, {**description, "model": state.tensors})


def model_state(checkpoint: dict[str, Any], *, averaged: bool = True) -> ModelState:
    """Return the model in a checkpoint of a run here or of an older trainer."""
    ema, run, cfg = (checkpoint.get(key) for key in ("ema", "state", "cfg"))
    tensors = ema["model"] if averaged and isinstance(ema, dict) and "model" in ema else checkpoint["model"]
    seen = (run if isinstance(run, dict) else checkpoint).get("images_seen", 0)
    return ModelState(
        tensors=rename_old_keys({name: value for name, value in tensors.items() if isinstance(value, Tensor)}),
        images_seen=seen if isinstance(seen, int) else 0,
        cfg=cfg if isinstance(cfg, str) else None,
        names=tuple(map(str, checkpoint.get("names") or ())),
    )


def _read_safetensors(path: Path) -> ModelState:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise SettingsError(f"{path}: {NO_SAFETENSORS}") from error
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        return ModelState(
            tensors=rename_old_keys(tensors),
            images_seen=int(metadata.get("images_seen", 0)),
            cfg=metadata.get("cfg"),
            names=tuple(json.loads(metadata.get("names", "[]"))),
        )
    except (SafetensorError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not a safetensors file that can be read: {reason}; download it again") from error


def _write_safetensors(path: Path, state: ModelState) -> None:
    try:
        from safetensors.torch import save_file
    except ImportError as error:
        raise SettingsError(f"{path}: {NO_SAFETENSORS}") from error
    metadata = {"names": json.dumps(state.names), "images_seen": str(state.images_seen)}
    if state.cfg is not None:
        metadata["cfg"] = state.cfg
    with atomic_path(path) as temporary:
        # the format stores neither strides nor shared tensors
        save_file({name: tensor.contiguous().clone() for name, tensor in state.tensors.items()}, temporary, metadata)
