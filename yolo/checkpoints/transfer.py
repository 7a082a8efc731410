"""Load weights from a file into a model, completely or as far as they fit, and report what was not loaded."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from yolo.checkpoints.state_dict import is_state_file, read_state
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.weights_file import read_weights
from yolo.errors import SettingsError, WeightsError
from yolo.finite_weights import describe_non_finite
from yolo.model.head_classes import with_head_classes
from yolo.model.network import Darknet
from yolo.model.stored_weights import read_into
from yolo.remote.fetch import local_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.model.graph import Graph, Node

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TransferReport:
    """The tensors that were loaded from a file, and those that were not."""

    path: Path
    loaded: tuple[str, ...]  # names of tensors
    mismatched: tuple[str, ...]  # tensors whose shapes differ, with both shapes
    missing: tuple[str, ...]  # tensors of the model that the file does not hold
    class_names: tuple[str, ...]  # of the file; empty if it has none

    def log(self) -> None:
        """Log what was loaded, and each tensor that was not."""
        logger.info("%s: %d tensors loaded", self.path, len(self.loaded))
        for mismatch in self.mismatched:
            logger.info("  not loaded, keeps its initial value: %s", mismatch)
        if self.missing:
            logger.info(
                "  not in the file, keep their initial values: %d tensors, from %s on",
                len(self.missing),
                self.missing[0],
            )


def transfer(
    model: Darknet, path: Path, original: Graph, *, averaged: bool = True, class_names: Sequence[str] = ()
) -> TransferReport:
    """Copy every tensor of a file that fits into the model.

    Args:
        model: filled in place.
        path: `.weights` (whole or partial), a checkpoint `.pt`, or `.safetensors`.
        original: the network that a `.weights` file may have been written for, where the model has another number of
            classes.
        averaged: take the moving average of the weights if a checkpoint has both.
        class_names: of the model; if the file has the same ones in another order, its heads are brought into this one.

    Raises:
        WeightsError: the file cannot be read, nothing in it fits, or what fits has values that are not finite.
    """
    own = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    if is_state_file(path):
        read = read_state(path, averaged=averaged)
        state, seen, file_names = read.tensors, read.images_seen, read.names
    else:
        state, seen = _read_darknet_weights(path, model, original)
        file_names = ()
    loaded = [name for name, tensor in own.items() if name in state and state[name].shape == tensor.shape]
    if not loaded:
        raise WeightsError(f"{path}: none of its {len(state)} tensors fits {model.cfg.path}; check --cfg and --weights")
    fitting = {name: state[name] for name in loaded}
    if bad := describe_non_finite(fitting.items()):
        raise WeightsError(f"{path}: {bad}: the file is damaged, or its training failed; use another one")
    if tuple(class_names) != file_names and sorted(class_names) == sorted(file_names):
        logger.info("%s: classes brought into the order of the data set: %s", path, ", ".join(class_names))
        sources = [file_names.index(name) for name in class_names]
        fitting = with_head_classes(fitting, model.graph, model.graph, sources)
    with torch.no_grad():
        for name in loaded:
            own[name].copy_(fitting[name])
    model.images_seen = seen
    return TransferReport(
        path,
        tuple(loaded),
        tuple(
            f"{name}: {tuple(state[name].shape)} in the file, {tuple(tensor.shape)} in the network"
            for name, tensor in own.items()
            if name in state and state[name].shape != tensor.shape
        ),
        tuple(name for name in own if name not in state),
        file_names,
    )


def load_whole(
    model: Darknet,
    path: Path,
    *,
    num_layers: int | None = None,
    averaged: bool = True,
    remedy: str = "give the cfg that the weights were trained with",
) -> None:
    """Load a file that must contain every tensor of the model, or of its first layers.

    Args:
        model: filled in place.
        path: any file that `transfer` reads.
        num_layers: number of layers that must be in the file; None: all.
        averaged: take the moving average of the weights if a checkpoint has both.
        remedy: the end of the error message.

    Raises:
        WeightsError: the file cannot be read, or lacks a required tensor.
    """
    report = transfer(model, path, model.graph, averaged=averaged)
    required = model.state_dict() if num_layers is None else tensors_before(model, num_layers)
    not_loaded = [text for text in (*report.mismatched, *report.missing) if text.split(":")[0] in required]
    if not_loaded:
        raise WeightsError(
            f"{path}: {len(not_loaded)} tensors of {model.cfg.path} are not in it, the first: {not_loaded[0]}; {remedy}"
        )


def tensors_before(model: Darknet, num_layers: int) -> dict[str, Tensor]:
    """Return the tensors of the first layers by name."""
    return {name: tensor for name, tensor in model.state_dict().items() if int(name.split(".")[1]) < num_layers}


def read_cfg_and_names(cfg: str | None, weights: str) -> tuple[CfgFile, tuple[str, ...]]:
    """Return the cfg of a weights file, and its class names (empty if the file has none).

    Args:
        cfg: network file or name; None: the one that the weights file contains.
        weights: any file that `transfer` reads.

    Raises:
        YoloError: a file that cannot be read, or no network.
    """
    path = local_path(weights)
    own = read_state(path) if is_state_file(path) else None
    names = own.names if own else ()
    if cfg:
        return CfgFile.read(cfg), names
    if own is None or own.cfg is None:
        raise SettingsError(f"--weights {weights}: this file does not contain its network; add --cfg")
    return CfgFile.parse(own.cfg, f"{path} (cfg)"), names


def _read_darknet_weights(path: Path, model: Darknet, original: Graph) -> tuple[dict[str, Tensor], int]:
    """Read a `.weights` file into the layers of the model, or of the original network where those differ.

    Returns:
        The named tensors of the layers that the file covers, and the number of images that they were trained on.
    """
    file = read_weights(path)
    try:
        layers = list(model.layers)
        num_layers, _ = read_into(layers, model.graph, file)
    except WeightsError:
        layers = [
            layer if _same_layer(node, other) else other.spec.build(*other.in_shapes)
            for layer, node, other in zip(model.layers, model.nodes, original.nodes, strict=True)
        ]
        num_layers, _ = read_into(layers, original, file)
    state = {
        f"layers.{index}.{name}": tensor
        for index, layer in enumerate(layers[:num_layers])
        for name, tensor in layer.state_dict().items()
    }
    return state, file.header.seen


def _same_layer(a: Node, b: Node) -> bool:
    return a.spec == b.spec and a.in_shapes == b.in_shapes
