"""The training loop.

Every process runs it in step with the others, each on its share of the images. Whatever depends on all images (the
weight of a micro-batch, a request to stop) is reduced over the processes first.
"""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from yolo import distributed
from yolo.distributed import SingleReplica
from yolo.engine.freeze import Freeze
from yolo.engine.gradients import clip_gradients
from yolo.engine.optimizer import drop_frozen_grads
from yolo.engine.train_state import LossSums, TrainState
from yolo.errors import TrainingError
from yolo.rng import reseed_by_rank, rng_state, set_rng_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor
    from torch.optim import Optimizer

    from yolo.distributed import Replica
    from yolo.engine.callback import Callback
    from yolo.engine.ema import ModelEma
    from yolo.engine.multi_scale import MultiScale
    from yolo.engine.protocols import ComputeLoss, Loader, MicroBatch, RunEarlyStop, RunPrecision, RunSchedule

logger = logging.getLogger(__name__)

MAX_SKIPPED_STEPS = 10  # in a row; a single one may be due to an unusual batch


@dataclass(eq=False, kw_only=True)
class Trainer:
    """Trains a model.

    Args:
        model: trained in place.
        compute_loss: returns named loss terms, whose mean over processes is that over all their images; their sum is
            minimised.
        loader: yields micro-batches.
        optimizer: over the parameters of the model.
        schedule: sets learning rates, momentum and accumulation before each step.
        precision: the number format of the forward pass, and the scaling of its gradients.
        ema: the averaged copy of the model, updated after each step.
        validate: averaged model -> scores by name, called after each epoch; None: there is no validation.
        validates_every_epoch: otherwise only after the last one.
        early_stop: decides after each epoch whether to end the run; None: it trains all epochs.
        clip_grad_norm: maximum norm of the gradients of a step; 0: no limit.
        sizes: the input size at each step; None: as the loader yields it.
        freeze: keeps layers of the model from training; default: none.
        replica: the model as one of several equal ones; default: this process trains by itself.
        describe: micro-batch -> its contents, for messages.
        callbacks: observers, called in this order.

    Attributes:
        state: the position of the run.
        size: longer side of the inputs of the last step, pixels; None: as the loader yields it.
        record: the numbers of the last finished epoch by name (`train/box`, `metrics/mAP50`, `grad_norm`,
            `lr/weights`).
        stop_reason: why the run ends before its last epoch; empty if it does not.
    """

    model: nn.Module
    compute_loss: ComputeLoss
    loader: Loader
    optimizer: Optimizer
    schedule: RunSchedule
    precision: RunPrecision
    ema: ModelEma
    validate: Callable[[nn.Module], dict[str, float]] | None = None
    validates_every_epoch: bool = True
    early_stop: RunEarlyStop | None = None
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
    _is_final_stop: bool = field(default=False, init=False)
    _loss_sums: LossSums = field(default_factory=LossSums, init=False)

    @property
    def _replica(self) -> Replica:
        return self.replica or SingleReplica(self.model)

    @property
    def epochs(self) -> int:
        """Number of epochs of the run."""
        return self.schedule.epochs

    @property
    def epoch_progress(self) -> float:
        """Time in epochs, the clock of the schedule."""
        return self.state.epoch + self.state.batches / len(self.loader)

    @property
    def losses(self) -> dict[str, float]:
        """Means of the loss terms over the epoch so far."""
        return self._loss_sums.means(self.state.batches)

    def train(self) -> None:
        """Run the remaining epochs, or until something requests a stop."""
        self._call("on_train_start")
        try:
            self._stop_if_stale()
            while self.state.epoch < self.epochs and not self._stops():
                if self._train_epoch():
                    self._finish_epoch()
        finally:
            self._call("on_train_end")

    def stop(self, reason: str, *, final: bool = False) -> None:
        """Request that the run ends after the current step; what was trained is kept.

        Args:
            reason: for the user.
            final: the run is complete; otherwise it is to be resumed.
        """
        if not self.stop_reason:
            self.stop_reason, self._is_final_stop = reason, final

    @property
    def is_interrupted(self) -> bool:
        """True if the run ended early and is to be resumed."""
        return bool(self.stop_reason) and not self._is_final_stop and self.state.epoch < self.epochs

    def _stops(self) -> bool:
        """Return whether a stop was requested, on all processes at the same step."""
        if distributed.any_rank(bool(self.stop_reason)) and not self.stop_reason:
            self.stop_reason = "another process was told to"
        return bool(self.stop_reason)

    def _stop_if_stale(self) -> None:
        if self.early_stop is not None and (reason := self.early_stop.reason_to_stop(self.state.epoch)):
            self.stop(reason, final=True)

    def _train_epoch(self) -> bool:
        """Train an epoch, or the rest of one, and return whether it is complete."""
        self.loader.set_epoch(self.state.epoch, self.record)
        self.loader.skip(self.state.batches)
        self._call("on_epoch_start")
        self.freeze.apply(self.model, self.state.epoch)
        for micro_batches in self._grouped(self.loader):
            self._step(micro_batches)
            self._call("on_step_end")
            if self._stops():
                return False
        return True

    def _step(self, micro_batches: Sequence[MicroBatch]) -> None:
        """Make one optimizer step; each micro-batch is weighted by its share of the images of all processes."""
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
                    terms = self.compute_loss(model, micro_batch, self.state.images_seen, self.epoch_progress)
                loss = torch.stack(list(terms.values())).sum()
                self.precision.backward(loss * (num_images / sum(counts)))
            self.state.batches += 1
            self.state.images_seen += num_images
            self._loss_sums.add(terms)
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

    def _finish_epoch(self) -> None:
        """Close the record of the epoch, validate, and pass the scores on."""
        state = self.state
        losses = {f"train/{name}": mean for name, mean in self._loss_sums.means_over_ranks(state.batches).items()}
        steps = {"grad_norm": state.grad_norm_sum / max(state.epoch_steps, 1)}
        steps |= {f"lr/{group['name']}": group["lr"] for group in self.optimizer.param_groups}
        state.finish_epoch()
        self._loss_sums = LossSums()
        self.record = losses | self._validate() | steps
        if self.early_stop is not None:
            self.early_stop.update(self.record, state.epoch)
        self._stop_if_stale()
        for callback in self.callbacks:
            callback.on_epoch_end(self, self.record)

    def _validate(self) -> dict[str, float]:
        """Return the scores of the averaged model by name; none if this epoch has no validation."""
        if self.validate is None or not (self.validates_every_epoch or self.state.epoch == self.epochs):
            return {}
        distributed.broadcast_module(self.ema.model)  # each process has running statistics of its own
        with self.precision.full():
            return self.validate(self.ema.model)

    def _skip_step(self, micro_batches: Sequence[MicroBatch], losses: Tensor) -> None:
        """Count a step that is skipped, and undo what its batch did to the statistics of normalisation.

        Raises:
            TrainingError: too many were skipped in a row.
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
        logger.warning("%s: %s; the step is skipped (%d so far)", where, what, state.skipped_steps)

    def _grouped(self, batches: Iterable[MicroBatch]) -> Iterator[list[MicroBatch]]:
        """Yield the micro-batches of each optimizer step; the rest at the end of an epoch is a step too."""
        group: list[MicroBatch] = []
        for batch in batches:
            group.append(batch)
            if len(group) >= self.schedule.accumulate_at(self.epoch_progress):
                yield group
                group = []
        if group:
            yield group

    def state_dict(self) -> dict[str, Any]:
        """Return all that a run needs to go on as if it had never stopped."""
        return {
            **{name: part.state_dict() for name, part in self._parts().items()},
            "state": asdict(self.state),
            "batches_per_epoch": len(self.loader),
            "loss_sums": {name: total.clone() for name, total in self._loss_sums.sums.items()},
            "record": dict(self.record),
            "rng": rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where `state_dict` was taken; to the nearest batch if an epoch has another number of them now."""
        for name, part in self._parts().items():
            if name in state or name != "early_stop":  # a run without an early stop may get one
                part.load_state_dict(state[name])
        self.state = TrainState(**state["state"])
        self.record = dict(state["record"])
        self.loader.set_epoch(self.state.epoch, self.record)
        self.state.batches = self.state.batches * len(self.loader) // state["batches_per_epoch"]
        device = next(self.model.parameters()).device
        self._loss_sums = LossSums({name: total.to(device) for name, total in state["loss_sums"].items()})
        set_rng_state(state["rng"])
        reseed_by_rank(distributed.rank(), self.state.step)

    def _parts(self) -> dict[str, Any]:
        """Return the parts that have a state of their own, by name."""
        parts = {"model": self.model, "ema": self.ema, "optimizer": self.optimizer, "precision": self.precision}
        if self.early_stop is not None:
            parts["early_stop"] = self.early_stop
        return parts | {
            f"callback {type(callback).__name__}": callback for callback in self.callbacks if callback.state_dict()
        }

    def _call(self, hook: str) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self)
