"""The training loop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from yolo.engine.freeze import Freeze

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch.optim import Optimizer

    from yolo.engine.callback import Callback
    from yolo.engine.ema import ModelEma


class MicroBatch(Protocol):
    """What the loader yields: all that the loop asks of it is how many pictures it holds."""

    def __len__(self) -> int: ...


class Loader(Protocol):
    """An epoch of micro-batches."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...

    def set_epoch(self, epoch: int) -> None: ...


class RunSchedule(Protocol):
    """Learning rates and accumulation as functions of the time in epochs."""

    def apply(self, optimizer: Optimizer, epoch: float) -> None: ...

    def accumulate_at(self, epoch: float) -> int: ...


@dataclass(slots=True)
class TrainState:
    """Where a run is."""

    epoch: int = 0  # the epoch in progress, from 0
    batches: int = 0  # micro-batches of that epoch that are done
    step: int = 0  # optimizer steps done
    images_seen: int = 0


class Trainer:
    """Trains a model.

    Args:
        model: what is trained, in place.
        objective: (model, micro-batch) -> named loss terms, each a mean over the pictures; their sum is minimised.
        loader: the micro-batches.
        optimizer: over the model's parameters.
        schedule: sets learning rates, momentum and accumulation before each step.
        ema: the averaged copy, updated after each step.
        epochs: how many.
        freeze: keeps parts of the model as they are; default: none.
        callbacks: what watches, called in this order.

    Attributes:
        state: where the run is.
        record: the numbers of the epoch that ended last, by name (`train/box`, `metrics/mAP50`, `lr/weights`).
    """

    def __init__(  # noqa: PLR0913 - the parts of a run, each by name
        self,
        *,
        model: nn.Module,
        objective: Callable[[nn.Module, Any], dict[str, Tensor]],
        loader: Loader,
        optimizer: Optimizer,
        schedule: RunSchedule,
        ema: ModelEma,
        epochs: int,
        freeze: Freeze | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.model = model
        self.objective = objective
        self.loader = loader
        self.optimizer = optimizer
        self.schedule = schedule
        self.ema = ema
        self.epochs = epochs
        self.freeze = freeze or Freeze()
        self.callbacks = callbacks
        self.state = TrainState()
        self._loss_sums: dict[str, Tensor] = {}
        self.record: dict[str, float] = {}

    @property
    def epoch_progress(self) -> float:
        """Time in epochs, the schedule's clock."""
        return self.state.epoch + self.state.batches / len(self.loader)

    @property
    def losses(self) -> dict[str, float]:
        """Means of the loss terms over the epoch so far."""
        return {name: float(total) / max(self.state.batches, 1) for name, total in self._loss_sums.items()}

    def train(self) -> None:
        """Run all epochs."""
        self._call("on_train_start")
        try:
            while self.state.epoch < self.epochs:
                self._train_epoch()
        finally:
            self._call("on_train_end")

    def _train_epoch(self) -> None:
        self._loss_sums = {}
        self.loader.set_epoch(self.state.epoch)
        self._call("on_epoch_start")
        self.freeze.apply(self.model, self.state.epoch)
        for micro_batches in self._grouped(self.loader):
            self._step(micro_batches)
            self._call("on_step_end")
        self.record = {f"train/{name}": value for name, value in self.losses.items()}
        self.record |= {f"lr/{group['name']}": group["lr"] for group in self.optimizer.param_groups}
        self.state.epoch += 1
        self.state.batches = 0
        self._call("on_epoch_end")

    def _step(self, micro_batches: Sequence[MicroBatch]) -> None:
        """One optimizer step over micro-batches, each weighted by its share of the pictures."""
        self.schedule.apply(self.optimizer, self.epoch_progress)
        num_images = sum(map(len, micro_batches))
        for micro_batch in micro_batches:
            terms = self.objective(self.model, micro_batch)
            loss = torch.stack(list(terms.values())).sum()
            (loss * (len(micro_batch) / num_images)).backward()  # type: ignore[no-untyped-call]
            self._observe(terms, len(micro_batch))
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.update(self.model)
        self.state.step += 1

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
        """All that a run needs to go on."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "state": asdict(self.state),
        }

    def _call(self, moment: str) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self)
