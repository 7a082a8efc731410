"""Load a trained network with its class names, and the validation settings of its run."""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import Any

import torch

from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.checkpoints.published import find_weights_and_cfg
from yolo.checkpoints.state_dict import CHECKPOINT_SUFFIXES
from yolo.checkpoints.transfer import load_whole, read_cfg_and_names
from yolo.config.loss_settings import LossSettings
from yolo.darknet.data_file import read_names
from yolo.devices import fast_memory_format
from yolo.errors import SettingsError
from yolo.model.network import Darknet
from yolo.remote.fetch import local_path
from yolo.storage import find_file

logger = logging.getLogger(__name__)

NUM_COCO_CLASSES = 80
VALIDATION_FLAGS = ("rect", "single_cls", "tile", "tile_size", "tile_overlap")


def load_model(
    cfg: str | None, weights: str, device: torch.device, *, offline: bool = False
) -> tuple[Darknet, tuple[str, ...]]:
    """Load a trained network in eval mode.

    Args:
        cfg: network file or name; None: the one that a checkpoint contains or published weights have.
        weights: complete `.weights`, `.pt` or `.safetensors` file, or the name of published weights.
        device: device of the model.
        offline: do not download.

    Returns:
        The model, and the class names of the checkpoint (empty if it has none).

    Raises:
        YoloError: files that are missing, cut short or do not belong together.
    """
    path, cfg = find_weights_and_cfg(weights, cfg, offline=offline)
    network, names = read_cfg_and_names(cfg, str(path))
    model = Darknet.from_cfg(network)
    load_whole(model, path)
    model.to(device, memory_format=fast_memory_format(device))  # type: ignore[call-overload]
    return model.eval(), names


def read_validation_settings(weights: str) -> dict[str, Any]:
    """Return input size, shape, classes and tiles of the run that wrote a checkpoint; empty for other files.

    Raises:
        WeightsError: the file is a checkpoint that cannot be read.
    """
    settings = _read_run_settings(weights)
    if not settings:
        return {}
    sides = settings["img_size"] or (None,)
    return {"img_size": sides[-1]} | {name: settings[name] for name in VALIDATION_FLAGS if name in settings}


def read_run_data(weights: str) -> str:
    """Return `--data` of the run that wrote a checkpoint; empty for other files.

    Raises:
        WeightsError: the file is a checkpoint that cannot be read.
    """
    return str(_read_run_settings(weights).get("data", ""))


def read_loss_settings(weights: str) -> LossSettings | None:
    """Return the loss of the run that wrote a checkpoint; None for other files.

    Raises:
        WeightsError: the file is a checkpoint that cannot be read.
    """
    settings = _read_run_settings(weights)
    names = [field.name for field in fields(LossSettings)]
    return LossSettings(**{name: settings[name] for name in names if name in settings}) if settings else None


def _read_run_settings(weights: str) -> dict[str, Any]:
    """Return all settings of the run that wrote a checkpoint; empty for other files."""
    path = local_path(weights)
    if path.suffix not in CHECKPOINT_SUFFIXES or not path.is_file():
        return {}
    settings = load_checkpoint(path).get("settings")
    return settings if isinstance(settings, dict) and "img_size" in settings else {}  # else of another program


def choose_class_names(path: str | None, own: tuple[str, ...], num_classes: int) -> tuple[str, ...]:
    """Return the names of a model's classes: a file's, else its checkpoint's, else COCO's if there are 80 classes.

    Raises:
        YoloError: the file cannot be read, or holds another number of names.
    """
    if path is None and own:
        return own
    if path is None and num_classes != NUM_COCO_CLASSES:
        return tuple(f"class {i}" for i in range(num_classes))
    if path is None:
        logger.info("80 classes and no --names: using COCO's names")
    found = find_file(local_path(path or "coco"), "data", ".names")
    if found is None:
        raise SettingsError(f"--names {path}: no such file; give a file with one class name per line")
    names = read_names(found)
    if len(names) != num_classes:
        raise SettingsError(f"--names {path}: {len(names)} names, but the network has {num_classes} classes")
    return names
