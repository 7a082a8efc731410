"""Learning rate, momentum, weight decay and accumulation as pure functions of the time in epochs.

Time is a fraction of epochs (2.5 is half way through the third), so that a run has the same schedule at any batch size
and any number of processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from yolo.engine.lr_policies import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Burn-in, then a policy.

    Source: the recipe of the 2018-2020 PyTorch YOLOv3 trainers. Differs: their burn-in lasts at least 500 batches,
    longer than many runs on small data sets; here `burn_in_epochs` limits it.
    """

    epochs: int
    policy: Policy  # share of the run -> factor of `lr`
    burn_in: float  # epochs
    lr: float
    lr_min: float = 0.0  # after burn-in
    momentum: float
    weight_decay: float
    accumulate: int  # micro-batches per optimizer step, after burn-in
    burn_in_bias_lr: float = 0.1  # initial learning rate of biases
    burn_in_momentum: float = 0.9
    objectness_ramp: bool = False

    def burn_in_progress(self, epoch: float) -> float:
        """Return 0 at the start of burn-in, rising to 1 at its end."""
        return min(epoch / self.burn_in, 1.0) if self.burn_in else 1.0

    def lr_at(self, epoch: float, *, bias: bool) -> float:
        start = self.burn_in_bias_lr if bias else 0.0
        end = self.lr * self.policy(min(epoch / self.epochs, 1.0))
        return _between(start, max(end, self.lr_min), self.burn_in_progress(epoch))

    def momentum_at(self, epoch: float) -> float:
        return _between(self.burn_in_momentum, self.momentum, self.burn_in_progress(epoch))

    def weight_decay_at(self, epoch: float) -> float:
        return self.weight_decay * self.burn_in_progress(epoch)

    def accumulate_at(self, epoch: float) -> int:
        """Return the number of micro-batches of the optimizer step that starts now."""
        return max(1, round(_between(1, self.accumulate, self.burn_in_progress(epoch))))

    def objectness_ratio_at(self, epoch: float) -> float:
        """Return the share of the objectness target of a positive that is its IoU; the rest is 1."""
        return self.burn_in_progress(epoch) if self.objectness_ramp else 1.0

    def apply(self, optimizer: Optimizer, epoch: float) -> None:
        """Set the values of every parameter group; see `build_optimizer` for their keys."""
        for group in optimizer.param_groups:
            group["lr"] = self.lr_at(epoch, bias=group["bias"]) * group["lr_factor"]
            if "betas" in group:  # Adam's kind
                group["betas"] = (self.momentum_at(epoch), *group["betas"][1:])
            elif "momentum" in group:
                group["momentum"] = self.momentum_at(epoch)
            if group["decay"]:
                group["weight_decay"] = self.weight_decay_at(epoch)


def _between(start: float, end: float, fraction: float) -> float:
    return (1 - fraction) * start + fraction * end


def burn_in_epochs(epochs: float, batches_per_epoch: int, max_share: float) -> float:
    """Return the length of burn-in: 3 epochs or 500 batches, whichever is longer, at most a share of the run."""
    return min(max(3.0, 500 / batches_per_epoch), epochs * max_share)


def accumulation(batch_size: int, nominal_batch_size: int, batches: int, min_steps: int) -> int:
    """Return the micro-batches per optimizer step: up to the nominal batch, fewer in short runs.

    Args:
        batch_size: images per micro-batch.
        nominal_batch_size: images per optimizer step to aim at.
        batches: micro-batches of the whole run.
        min_steps: optimizer steps that a run keeps; larger batches do not pay below that.
    """
    return max(1, min(round(nominal_batch_size / batch_size), batches // min_steps))
