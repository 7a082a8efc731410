"""What the programs share: the device, a run's folder, a trained network, and how it is scored."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.checkpoints.published import find_with_network
from yolo.checkpoints.state_dict import CHECKPOINT_SUFFIXES
from yolo.checkpoints.transfer import load_whole, network_of
from yolo.darknet.data_file import read_names
from yolo.devices import fast_memory_format
from yolo.errors import SettingsError
from yolo.model.network import Darknet
from yolo.remote.fetch import local_path
from yolo.storage import find_file

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)

NUM_COCO_CLASSES = 80


def load_model(
    cfg: str | None, weights: str, device: torch.device, *, offline: bool = False
) -> tuple[Darknet, tuple[str, ...]]:
    """A trained network for testing and detecting, in eval mode.

    Args:
        cfg: network file or name; checkpoints and published weights bring their own, so that it may be left out.
        weights: `.weights`, `.pt` or `.safetensors`, whole; or the name of published weights.
        device: where the model goes.
        offline: fetch nothing.

    Returns:
        The model, and class names: the checkpoint's, or none.

    Raises:
        YoloError: files that are missing, cut short or do not belong together.
    """
    path, cfg = find_with_network(weights, cfg, offline=offline)
    network, names = network_of(cfg, str(path))
    model = Darknet.from_cfg(network)
    load_whole(model, path)
    model.to(device, memory_format=fast_memory_format(device))  # type: ignore[call-overload]
    return model.eval(), names


def validated_as(weights: str) -> dict[str, Any]:
    """How a run scored what it wrote: img_size, rect and single_cls, by name; nothing for files of other kinds.

    Raises:
        WeightsError: the file is a checkpoint that cannot be read.
    """
    path = local_path(weights)
    if path.suffix not in CHECKPOINT_SUFFIXES or not path.is_file():
        return {}
    settings = load_checkpoint(path).get("settings")
    if not isinstance(settings, dict) or "img_size" not in settings:  # a file of another program
        return {}
    sides = settings["img_size"] or (None,)
    return {"img_size": sides[-1], "rect": settings["rect"], "single_cls": settings["single_cls"]}


def class_names(path: str | None, own: tuple[str, ...], num_classes: int) -> tuple[str, ...]:
    """Names for a model's classes: those of a file, else its checkpoint's, else COCO's where there are 80.

    Raises:
        YoloError: the file cannot be read, or holds another number of names.
    """
    if path is None and own:
        return own
    if path is None and num_classes != NUM_COCO_CLASSES:
        return tuple(f"class {i}" for i in range(num_classes))
    if path is None:
        logger.info("80 classes and no --names: COCO's names are used")
    found = find_file(local_path(path or "coco"), "data", ".names")
    if found is None:
        raise SettingsError(f"--names {path}: no such file; give a file with one class name a line")
    names = read_names(found)
    if len(names) != num_classes:
        raise SettingsError(f"--names {path}: {len(names)} names, but the network has {num_classes} classes")
    return names
