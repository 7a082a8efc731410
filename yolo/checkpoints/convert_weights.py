"""The work of `python -m yolo.convert`: a model filled from a weights file, and the tensors to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.checkpoints.transfer import load_whole, read_cfg_and_names, tensors_before
from yolo.errors import require
from yolo.model.network import Darknet
from yolo.remote.fetch import local_path

if TYPE_CHECKING:
    from torch import Tensor


def load_for_conversion(
    cfg: str | None, weights: str, *, cutoff: int | None, averaged: bool
) -> tuple[Darknet, tuple[str, ...]]:
    """Load a model with all the weights that will be written, and the file's class names.

    Args:
        cfg: network file or name; None: the one that the weights file contains.
        weights: any file that `transfer` reads.
        cutoff: only the layers before this one must be in the file; None: all layers.
        averaged: take the moving average of the weights if a checkpoint has both.

    Raises:
        YoloError: a file cannot be read, or lacks a layer that is to be written.
    """
    network, names = read_cfg_and_names(cfg, weights)
    model = Darknet.from_cfg(network)
    if cutoff is not None:
        require("--cutoff", cutoff, cutoff <= len(model.layers), f"1..{len(model.layers)}, a number of layers")
    load_whole(
        model,
        local_path(weights),
        num_layers=cutoff,
        averaged=averaged,
        remedy="give the cfg that the weights were trained with, or the --cutoff of a partial file",
    )
    return model, names


def state_before(model: Darknet, cutoff: int | None) -> dict[str, Tensor]:
    """Return the tensors of the layers before the cutoff, or of all layers without one."""
    return tensors_before(model, len(model.layers) if cutoff is None else cutoff)


def to_half(tensor: Tensor) -> Tensor:
    """Convert to half precision, except counts and tensors with values beyond its range, such as large variances."""
    half = tensor.half()
    return half if tensor.is_floating_point() and bool(half.isfinite().all()) else tensor
