"""The work of `python -m yolo.convert`: a model filled from a weights file, and the tensors to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.checkpoints.transfer import read_cfg_and_names, transfer
from yolo.errors import WeightsError, require
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
    report = transfer(model, local_path(weights), model.graph, averaged=averaged)
    kept = state_before(model, cutoff)
    not_loaded = [text for text in (*report.mismatched, *report.missing) if text.split(":")[0] in kept]
    if not_loaded:
        raise WeightsError(
            f"{report.path}: {len(not_loaded)} tensors of {network.path} are not in it, the first: {not_loaded[0]}; "
            "give the cfg that the weights were trained with, or the --cutoff of a partial file"
        )
    return model, names


def state_before(model: Darknet, cutoff: int | None) -> dict[str, Tensor]:
    """Return the tensors of the layers before the cutoff, or of all layers without one."""
    num_layers = len(model.layers) if cutoff is None else cutoff
    require("--cutoff", cutoff, num_layers <= len(model.layers), f"1..{len(model.layers)}, a number of layers")
    return {name: tensor for name, tensor in model.state_dict().items() if int(name.split(".")[1]) < num_layers}


def to_half(tensor: Tensor) -> Tensor:
    """Convert to half precision, except counts and tensors with values beyond its range, such as large variances."""
    half = tensor.half()
    return half if tensor.is_floating_point() and bool(half.isfinite().all()) else tensor
