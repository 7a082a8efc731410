"""`--batch-size auto`: training steps on made-up images, to see how many fit."""

from __future__ import annotations

import copy
import logging
import math
from typing import TYPE_CHECKING

import torch

from yolo import distributed
from yolo.data.cache.build_cache import free_memory
from yolo.engine.batch_size_search import largest_on_cpu, largest_on_cuda
from yolo.engine.optimizer import build_optimizer
from yolo.errors import SettingsError
from yolo.inference.detector import to_input
from yolo.losses.registry import build_loss
from yolo.rng import rng_state, set_rng_state

if TYPE_CHECKING:
    from yolo.config.train_settings import TrainSettings
    from yolo.data.index import Index
    from yolo.engine.protocols import RunPrecision
    from yolo.model.network import Darknet

logger = logging.getLogger(__name__)

MOSAIC = 4  # images in one


def find_batch_size(
    settings: TrainSettings, model: Darknet, precision: RunPrecision, device: torch.device, side: int, index: Index
) -> int:
    """The largest batch that the memory of all processes takes, no larger than the training split; says how it is.

    Args:
        settings: of the run.
        model: on the device; it stays as it is.
        precision: of the run.
        device: where it trains.
        side: largest of the network input, pixels.
        index: the training split.

    Raises:
        SettingsError: one image does not fit.
    """
    chosen = settings.optimization
    trial = copy.deepcopy(model).train()
    loss = build_loss(settings.loss, trial, settings.shape_match, images_seen=lambda: 0, objectness_ratio=lambda: 1.0)
    optimizer = build_optimizer(
        trial,
        chosen.optimizer,
        lr=chosen.lr,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
        arguments=chosen.optimizer_args,
    )
    num_boxes = math.ceil(MOSAIC * len(index.all_class_ids) / len(index))

    def step(count: int) -> None:
        images = torch.zeros(count, 3, side, side, dtype=torch.uint8)
        targets = torch.full((count * num_boxes, 6), 0.5)
        targets[:, 0] = torch.arange(count).repeat_interleave(num_boxes)
        targets[:, 1] = 0
        with precision.autocast():
            terms = loss(trial(to_input(images, device)), targets.to(device), (side, side))
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    def largest() -> tuple[int, str]:
        """Of one process."""
        state, most = rng_state(), max(1, len(index) // num_processes)
        if device.type == "cuda":
            found = largest_on_cuda(step, device, most)
        else:
            found = largest_on_cpu(step, free_memory() // num_neighbours, most)
        set_rng_state(state)
        return found

    num_processes, num_neighbours = distributed.world_size(), distributed.local_world_size()
    own, how = distributed.run_on_main_and_broadcast(largest)
    batch_size = own * num_processes
    if not batch_size:
        raise SettingsError(f"--batch-size auto: not one image of {side} px fits on {device}; use a smaller --img-size")
    logger.info("--batch-size auto: %d (%s)", batch_size, how)
    return batch_size
