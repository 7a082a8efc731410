"""The network that a run trains: built from its cfg for the classes of the data set, with initial weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from yolo import distributed
from yolo.checkpoints.published import find_weights
from yolo.checkpoints.transfer import transfer
from yolo.devices import fast_memory_format
from yolo.distributed.sync_batch_norm import convert_sync_batch_norm
from yolo.model.graph import with_classes
from yolo.model.head_initialization import fix_single_class_score, initialize_head_biases
from yolo.model.network import Darknet
from yolo.rng import reseed_by_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from yolo.config.train_settings import TrainSettings
    from yolo.model.graph import Graph

logger = logging.getLogger(__name__)


def build_model(original: Graph, weights: str, names: Sequence[str]) -> Darknet:
    """Build the network for a data set, with heads of the right size and the weights of a file if one is named.

    Args:
        original: the network as its cfg describes it.
        weights: path of the weights; empty: none.
        names: class names of the data set.
    """
    graph, num_classes = original, len(names)
    if original.num_classes != num_classes:
        logger.info("%s: heads set from %d to %d classes", original.cfg.path, original.num_classes, num_classes)
        graph = with_classes(original, num_classes)
    model = Darknet(graph)
    initialize_head_biases(model)
    if weights:
        report = transfer(model, Path(weights), original, class_names=names)
        report.log()
        if set(report.class_names) < set(names):
            logger.info(
                "  the weights know %s: python -m yolo.cfg add-class keeps what the heads have learnt of them",
                ", ".join(report.class_names),
            )
    if num_classes == 1:
        fix_single_class_score(model)
    return model


def build_run_model(settings: TrainSettings, original: Graph, names: Sequence[str], device: torch.device) -> Darknet:
    """Build the network of a run on its device, with the weights of rank 0 on all processes.

    Args:
        settings: of the run.
        original: the network as its cfg describes it.
        names: class names of the data set.
        device: to train on.
    """
    chosen = settings.model
    named = "" if settings.run.resume else chosen.weights
    weights = str(find_weights(named, offline=chosen.offline)) if named else ""
    model = build_model(original, weights, names)
    if settings.distributed.sync_bn and distributed.world_size() > 1:
        convert_sync_batch_norm(model)
    if chosen.grad_checkpoint:
        model.gradient_checkpointing_enable()
    model.to(device, memory_format=fast_memory_format(device))  # type: ignore[call-overload]
    distributed.broadcast_module(model)
    reseed_by_rank(distributed.rank())  # from here on, for dropout
    return model
