"""`--batch-size auto`: training steps on made-up images, to measure how many fit in memory."""

from __future__ import annotations

import copy
import logging
import math
from typing import TYPE_CHECKING

import torch

from yolo import distributed
from yolo.data.memory_limits import free_memory
from yolo.engine.batch_size_search import largest_on_cpu, largest_on_cuda
from yolo.engine.optimizer import build_optimizer
from yolo.errors import SettingsError
from yolo.inference.detector import to_input
from yolo.losses.registry import build_loss
from yolo.rng import rng_state, set_rng_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolo.config.loss_settings import LossSettings
    from yolo.config.optimizer_settings import OptimizerSettings
    from yolo.data.index import Index
    from yolo.engine.protocols import RunPrecision
    from yolo.model.network import Darknet

logger = logging.getLogger(__name__)

IMAGES_PER_MOSAIC = 4


def find_batch_size(
    model: Darknet,
    loss: LossSettings,
    optimization: OptimizerSettings,
    precision: RunPrecision,
    *,
    device: torch.device,
    side: int,
    index: Index,
) -> int:
    """Find and log the largest batch that fits in the memory of all processes, at most the whole training split.

    Args:
        model: on the device; it is not changed.
        loss: settings of the loss.
        optimization: settings of the optimizer.
        precision: of the run.
        device: to train on.
        side: the largest of the network input, pixels.
        index: the training split.

    Raises:
        SettingsError: not even one image fits.
    """
    step = _trial_step(model, loss, optimization, precision, device=device, side=side, index=index)
    world_size, neighbours = distributed.world_size(), distributed.local_world_size()

    def largest_of_one_process() -> tuple[int, str]:
        state, limit = rng_state(), max(1, len(index) // world_size)
        if device.type == "cuda":
            found = largest_on_cuda(step, device, limit)
        else:
            found = largest_on_cpu(step, free_memory() // neighbours, limit)
        set_rng_state(state)
        return found

    share, how = distributed.run_on_main_and_broadcast(largest_of_one_process)
    batch_size = share * world_size
    if not batch_size:
        raise SettingsError(f"--batch-size auto: not one image of {side} px fits on {device}; use a smaller --img-size")
    logger.info("--batch-size auto: %d (%s)", batch_size, how)
    return batch_size


def _trial_step(
    model: Darknet,
    chosen_loss: LossSettings,
    optimization: OptimizerSettings,
    precision: RunPrecision,
    *,
    device: torch.device,
    side: int,
    index: Index,
) -> Callable[[int], None]:
    """Return a function that makes a training step with so many images, on a copy of the model."""
    trial = copy.deepcopy(model).train()
    loss = build_loss(chosen_loss, trial)
    optimizer = build_optimizer(
        trial,
        optimization.optimizer,
        lr=optimization.lr,
        momentum=optimization.momentum,
        weight_decay=optimization.weight_decay,
        arguments=optimization.optimizer_args,
    )
    num_boxes = math.ceil(IMAGES_PER_MOSAIC * len(index.all_class_ids) / len(index))

    def step(num_images: int) -> None:
        images = torch.zeros(num_images, 3, side, side, dtype=torch.uint8)
        targets = torch.full((num_images * num_boxes, 6), 0.5)
        targets[:, 0] = torch.arange(num_images).repeat_interleave(num_boxes)
        targets[:, 1] = 0
        with precision.autocast():
            terms = loss(trial(to_input(images, device)), targets.to(device), (side, side))
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    return step
