"""The network that a run trains: made from its cfg for the data set's classes, with weights to start from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from yolo import distributed
from yolo.checkpoints.published import find_weights
from yolo.checkpoints.transfer import initialize_heads, transfer, without_class_term
from yolo.devices import fast_layout
from yolo.distributed.sync_batch_norm import synchronise_norms
from yolo.model.graph import with_classes
from yolo.model.network import Darknet
from yolo.rng import differ_by_rank

if TYPE_CHECKING:
    from yolo.config.train_settings import TrainSettings
    from yolo.model.graph import Graph

logger = logging.getLogger(__name__)


def build_model(original: Graph, weights: str, num_classes: int) -> Darknet:
    """The network for a data set: heads of the right size, weights from a file where one is named."""
    graph = original
    if original.num_classes != num_classes:
        logger.info("%s: heads set from %d to %d classes", original.cfg.path, original.num_classes, num_classes)
        graph = with_classes(original, num_classes)
    model = Darknet(graph)
    initialize_heads(model)
    if weights:
        transfer(model, Path(weights), original).log()
    if num_classes == 1:
        without_class_term(model)
    return model


def prepare_model(settings: TrainSettings, graph: Graph, num_classes: int, device: torch.device) -> Darknet:
    """The network of a run on its device, with rank 0's weights on all processes."""
    named = "" if settings.resume else settings.weights
    weights = str(find_weights(named, offline=settings.offline)) if named else ""
    model = build_model(graph, weights, num_classes)
    if settings.distributed.sync_bn and distributed.world_size() > 1:
        synchronise_norms(model)
    if settings.grad_checkpoint:
        model.gradient_checkpointing_enable()
    model.to(device, memory_format=fast_layout(device))  # type: ignore[call-overload]
    distributed.broadcast_module(model)
    differ_by_rank(distributed.rank())  # from here on: what drops out
    return model
