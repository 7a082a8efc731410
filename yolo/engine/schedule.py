"""Learning rate, momentum, weight decay and accumulation as pure functions of how far a run has come.

Time is counted in epochs, as a fraction (2.5 is half way through the third): the same run then has the same
schedule at any batch size and any number of processes.
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

    Source: the recipe of the 2018-2020 PyTorch YOLOv3 trainers. Differs: burn-in there lasts at least 500 batches,
    which a small data set never leaves; here its length is given, and `burn_in_epochs` bounds it.
    """

    epochs: int
    policy: Policy  # share of the run -> factor of `lr`
    burn_in: float  # epochs
    lr: float
    lr_min: float = 0.0  # after burn-in
    momentum: float
    weight_decay: float
    accumulate: int  # micro-batches an optimizer step, after burn-in
    burn_in_bias_lr: float = 0.1  # where the learning rate of biases comes down from
    burn_in_momentum: float = 0.9
    objectness_ramp: bool = False

    def warmth(self, epoch: float) -> float:
        """0 at the start of burn-in, 1 from its end on."""
        return min(epoch / self.burn_in, 1.0) if self.burn_in else 1.0

    def lr_at(self, epoch: float, *, bias: bool) -> float:
        start = self.burn_in_bias_lr if bias else 0.0
        end = self.lr * self.policy(min(epoch / self.epochs, 1.0))
        return _between(start, max(end, self.lr_min), self.warmth(epoch))

    def momentum_at(self, epoch: float) -> float:
        return _between(self.burn_in_momentum, self.momentum, self.warmth(epoch))

    def weight_decay_at(self, epoch: float) -> float:
        return self.weight_decay * self.warmth(epoch)

    def accumulate_at(self, epoch: float) -> int:
        """Micro-batches that the optimizer step starting now is made of."""
        return max(1, round(_between(1, self.accumulate, self.warmth(epoch))))

    def objectness_ratio_at(self, epoch: float) -> float:
        """How much of an object's target is the overlap that its prediction reaches; the rest is 1."""
        return self.warmth(epoch) if self.objectness_ramp else 1.0

    def apply(self, optimizer: Optimizer, epoch: float) -> None:
        """Set every parameter group; groups say what they are, and how fast they learn (see `build_optimizer`)."""
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


def burn_in_epochs(epochs: float, batches_per_epoch: int, largest_share: float) -> float:
    """Length of burn-in: 3 epochs or 500 batches, whichever is longer, but no more than a share of the run."""
    return min(max(3.0, 500 / batches_per_epoch), epochs * largest_share)


def accumulation(batch_size: int, nominal_batch_size: int, batches: int, min_steps: int) -> int:
    """Micro-batches an optimizer step: up to the nominal batch, but not so many that a short run has no steps left.

    Args:
        batch_size: images a micro-batch.
        nominal_batch_size: images that an optimizer step should see.
        batches: micro-batches of the whole run.
        min_steps: optimizer steps that a run should have before larger batches pay.
    """
    return max(1, min(round(nominal_batch_size / batch_size), batches // min_steps))
