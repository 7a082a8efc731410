"""The training loop.

Every process runs it in step with the others: each has its part of the images, and what depends on all of them (the
weight of a micro-batch, the wish to stop) is summed over the processes first.
"""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from yolo import distributed
from yolo.distributed import SingleReplica
from yolo.engine.freeze import Freeze
from yolo.engine.gradients import clip_gradients
from yolo.engine.optimizer import drop_frozen_grads
from yolo.errors import TrainingError
from yolo.rng import differ_by_rank, rng_state, set_rng_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch.optim import Optimizer

    from yolo.distributed import Replica
    from yolo.engine.callback import Callback
    from yolo.engine.ema import ModelEma
    from yolo.engine.multi_scale import MultiScale
    from yolo.engine.protocols import Loader, MicroBatch, RunPrecision, RunSchedule

logger = logging.getLogger(__name__)

MAX_SKIPPED_STEPS = 10  # steps in a row; a single one may be an odd batch


@dataclass(slots=True)
class TrainState:
    """Where a run is."""

    epoch: int = 0  # the epoch in progress, from 0
    batches: int = 0  # micro-batches of that epoch that are done
    step: int = 0  # optimizer steps done
    images_seen: int = 0
    skipped_steps: int = 0  # steps that were not made, since their gradients were not finite
    skipped_in_a_row: int = 0
    epoch_steps: int = 0  # optimizer steps of that epoch
    grad_norm_sum: float = 0.0  # norms of the gradients of these, before clipping


@dataclass(eq=False, kw_only=True)
class Trainer:
    """Trains a model.

    Args:
        model: what is trained, in place.
        objective: (model, micro-batch) -> named loss terms, whose mean over processes is that over all their images;
            their sum is minimised.
        loader: the micro-batches.
        optimizer: over the model's parameters.
        schedule: sets learning rates, momentum and accumulation before each step.
        precision: the number format of the forward pass, and the scaling of its gradients.
        ema: the averaged copy, updated after each step.
        clip_grad_norm: largest norm of a step's gradients; 0: any.
        sizes: the size of the inputs at each step; None: as the loader gives them.
        freeze: keeps parts of the model as they are; default: none.
        replica: the model as one of those of all processes; default: it is alone.
        describe: micro-batch -> what a message says that it holds.
        callbacks: what watches, called in this order.

    Attributes:
        state: where the run is.
        size: longer side of the last step's inputs, pixels; None: as the loader gives them.
        record: the numbers of the epoch that ended last, by name (`train/box`, `metrics/mAP50`, `grad_norm`,
            `lr/weights`).
        stop_reason: why the run ends before its last epoch; empty: it does not.
    """

    model: nn.Module
    objective: Callable[[nn.Module, Any], dict[str, Tensor]]
    loader: Loader
    optimizer: Optimizer
    schedule: RunSchedule
    precision: RunPrecision
    ema: ModelEma
    clip_grad_norm: float = 0.0
    sizes: MultiScale | None = None
    freeze: Freeze = field(default_factory=Freeze)
    replica: Replica | None = None
    describe: Callable[[Any], str] = lambda batch: f"{len(batch)} images"
    callbacks: Sequence[Callback] = ()
    state: TrainState = field(default_factory=TrainState, init=False)
    size: int | None = field(default=None, init=False)
    record: dict[str, float] = field(default_factory=dict, init=False)
    stop_reason: str = field(default="", init=False)
    _for_good: bool = field(default=False, init=False)
    _loss_sums: dict[str, Tensor] = field(default_factory=dict, init=False)

    @property
    def _replica(self) -> Replica:
        return self.replica or SingleReplica(self.model)

    @property
    def epochs(self) -> int:
        """How many the run has."""
        return self.schedule.epochs

    @property
    def epoch_progress(self) -> float:
        """Time in epochs, the schedule's clock."""
        return self.state.epoch + self.state.batches / len(self.loader)

    @property
    def losses(self) -> dict[str, float]:
        """Means of the loss terms over the epoch so far."""
        return {name: float(total) / max(self.state.batches, 1) for name, total in self._loss_sums.items()}

    def train(self) -> None:
        """Run what is left of all epochs, or until something asks to stop."""
        self._call("on_train_start")
        try:
            while self.state.epoch < self.epochs and not self._stops():
                self._train_epoch()
        finally:
            self._call("on_train_end")

    def stop(self, reason: str, *, for_good: bool = False) -> None:
        """End the run after the step in progress; what was trained is kept.

        Args:
            reason: for people.
            for_good: it has come to its end; else it is to be taken up again.
        """
        if not self.stop_reason:
            self.stop_reason, self._for_good = reason, for_good

    @property
    def is_interrupted(self) -> bool:
        """Whether the run ended before its time, and is to be taken up again."""
        return bool(self.stop_reason) and not self._for_good and self.state.epoch < self.epochs

    def _stops(self) -> bool:
        """Whether the run ends before its time, on all processes at the same step."""
        if distributed.any_rank(bool(self.stop_reason)) and not self.stop_reason:
            self.stop_reason = "another process was told to"
        return bool(self.stop_reason)

    def _mean_losses(self) -> dict[str, float]:
        """Means of the loss terms over the epoch so far and all processes."""
        if not self._loss_sums:
            return {}
        sums = distributed.all_reduce_mean(torch.stack(list(self._loss_sums.values())).float())
        means = (sums / max(self.state.batches, 1)).tolist()
        return dict(zip(self._loss_sums, means, strict=True))

    def _train_epoch(self) -> None:
        """An epoch, or what is left of one."""
        self.loader.set_epoch(self.state.epoch, self.record)
        self.loader.skip(self.state.batches)
        self._call("on_epoch_start")
        self.freeze.apply(self.model, self.state.epoch)
        for micro_batches in self._grouped(self.loader):
            self._step(micro_batches)
            self._call("on_step_end")
            if self._stops():
                return
        self.record = {f"train/{name}": value for name, value in self._mean_losses().items()}
        self.record["grad_norm"] = self.state.grad_norm_sum / max(self.state.epoch_steps, 1)
        self.record |= {f"lr/{group['name']}": group["lr"] for group in self.optimizer.param_groups}
        self.state.epoch += 1
        self.state.batches = self.state.epoch_steps = 0
        self.state.grad_norm_sum = 0.0
        self._loss_sums = {}
        self._call("on_epoch_end")

    def _step(self, micro_batches: Sequence[MicroBatch]) -> None:
        """One optimizer step over micro-batches, each weighted by its share of the images of all processes."""
        start = self.epoch_progress
        model = self._replica.wrap()
        self.schedule.apply(self.optimizer, start)
        if self.sizes is not None:
            self.size = self.sizes.at(self.state.step)
            micro_batches = [batch.resized(self.size, self.sizes.stride) for batch in micro_batches]
        counts = distributed.all_reduce_sum(torch.tensor(list(map(len, micro_batches)))).tolist()
        losses: list[Tensor] = []
        for micro_batch, num_images in zip(micro_batches, counts, strict=True):
            with self._replica.sync_context(last=len(losses) == len(counts) - 1):
                with self.precision.autocast():
                    terms = self.objective(model, micro_batch)
                loss = torch.stack(list(terms.values())).sum()
                self.precision.backward(loss * (num_images / sum(counts)))
            self._observe(terms, num_images)
            losses.append(loss.detach())
        self._replica.all_reduce_grads(self.optimizer)
        self.precision.unscale(self.optimizer)
        drop_frozen_grads(self.optimizer, start)
        norm = clip_gradients(self.optimizer, self.clip_grad_norm)
        if math.isfinite(norm):
            self.precision.step(self.optimizer)
            self.ema.update(self.model)
            self.state.step += 1
            self.state.skipped_in_a_row = 0
            self.state.epoch_steps += 1
            self.state.grad_norm_sum += norm
        else:
            self._skip_step(micro_batches, torch.stack(losses))
        self.optimizer.zero_grad()

    def _skip_step(self, micro_batches: Sequence[MicroBatch], losses: Tensor) -> None:
        """Count a step that is not made, and undo what its batch did to the statistics of normalisation.

        Raises:
            TrainingError: it is one of many in a row.
        """
        self.ema.restore_finite_buffers(self.model)
        if self.precision.backoff_scale(self.optimizer):
            return
        state = self.state
        state.skipped_steps += 1
        state.skipped_in_a_row += 1
        where = f"epoch {state.epoch + 1}, batch {state.batches}"
        bad = [batch for batch, fine in zip(micro_batches, losses.isfinite().tolist(), strict=True) if not fine]
        named = distributed.all_gather_texts(", ".join(map(self.describe, bad)))
        what = f"the loss is not finite for {', '.join(filter(None, named))}"
        if not any(named):
            what = f"the gradients are not finite for {', '.join(map(self.describe, micro_batches))}"
        if state.skipped_in_a_row >= MAX_SKIPPED_STEPS:
            raise TrainingError(
                f"{where}: {what}; it is the last of {MAX_SKIPPED_STEPS} such steps in a row; lower --lr0 "
                f"(now {self.optimizer.param_groups[0]['lr']:g}), lengthen --burn-in-epochs, "
                "or clip gradients: --clip-grad-norm 10"
            )
        logger.warning("%s: %s; the step is left out (%d so far)", where, what, state.skipped_steps)

    def _observe(self, terms: dict[str, Tensor], num_images: int) -> None:
        """Count a micro-batch and add its losses up, on the device, so that no step waits for a number."""
        self.state.batches += 1
        self.state.images_seen += num_images
        for name, term in terms.items():
            self._loss_sums[name] = self._loss_sums.get(name, 0.0) + term.detach()

    def _grouped(self, batches: Iterable[MicroBatch]) -> Iterator[list[MicroBatch]]:
        """The micro-batches of each optimizer step; what is left at the end of an epoch is a step too."""
        group: list[MicroBatch] = []
        for batch in batches:
            group.append(batch)
            if len(group) >= self.schedule.accumulate_at(self.epoch_progress):
                yield group
                group = []
        if group:
            yield group

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on as if it had never stopped."""
        return {
            **{name: part.state_dict() for name, part in self._parts().items()},
            "state": asdict(self.state),
            "batches_per_epoch": len(self.loader),
            "loss_sums": {name: total.clone() for name, total in self._loss_sums.items()},
            "record": dict(self.record),
            "rng": rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a run up where `state_dict` left it; where an epoch has more or fewer batches now, to the nearest."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.state = TrainState(**state["state"])
        self.record = dict(state["record"])
        self.loader.set_epoch(self.state.epoch, self.record)
        self.state.batches = self.state.batches * len(self.loader) // state["batches_per_epoch"]
        device = next(self.model.parameters()).device
        self._loss_sums = {name: total.to(device) for name, total in state["loss_sums"].items()}
        set_rng_state(state["rng"])
        differ_by_rank(distributed.rank(), self.state.step)

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own; a new part is one entry, a callback none."""
        parts = {"model": self.model, "ema": self.ema, "optimizer": self.optimizer, "precision": self.precision}
        return parts | {
            f"callback {type(callback).__name__}": callback for callback in self.callbacks if callback.state_dict()
        }

    def _call(self, moment: str) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self)
