"""The position of a run, and the mean losses of its current epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from yolo import distributed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True)
class TrainState:
    """The position of a run."""

    epoch: int = 0  # the current epoch, from 0
    batches: int = 0  # micro-batches of that epoch that are done
    step: int = 0  # optimizer steps done
    images_seen: int = 0
    skipped_steps: int = 0  # steps that were skipped because their gradients were not finite
    skipped_in_a_row: int = 0
    epoch_steps: int = 0  # optimizer steps of the current epoch
    grad_norm_sum: float = 0.0  # gradient norms of these steps, before clipping

    def finish_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self.batches = self.epoch_steps = 0
        self.grad_norm_sum = 0.0


@dataclass(slots=True)
class LossSums:
    """Sums of the loss terms over the micro-batches of an epoch, kept on the device so that no step waits for them."""

    sums: dict[str, Tensor] = field(default_factory=dict)

    def add(self, terms: dict[str, Tensor]) -> None:
        """Add the loss terms of a micro-batch."""
        for name, term in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + term.detach()

    def means(self, num_batches: int) -> dict[str, float]:
        """Return the means of this process by name."""
        return {name: float(total) / max(num_batches, 1) for name, total in self.sums.items()}

    def means_over_ranks(self, num_batches: int) -> dict[str, float]:
        """Return the means of all processes by name."""
        if not self.sums:
            return {}
        sums = distributed.all_reduce_mean(torch.stack(list(self.sums.values())).float())
        means = (sums / max(num_batches, 1)).tolist()
        return dict(zip(self.sums, means, strict=True))
