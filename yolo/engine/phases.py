"""Runs in two phases with different batch sizes and schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch.optim import Optimizer

    from yolo.engine.protocols import Loader
    from yolo.engine.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasedSchedule:
    """Two schedules in sequence, each with its own time."""

    first: Schedule
    then: Schedule

    @property
    def epochs(self) -> int:
        """Total epochs of both phases."""
        return self.first.epochs + self.then.epochs

    @property
    def burn_in(self) -> float:
        """Burn-in of the first phase, epochs."""
        return self.first.burn_in

    @property
    def momentum(self) -> float:
        """Momentum after burn-in."""
        return self.first.momentum

    def lr_at(self, epoch: float, *, bias: bool) -> float:
        schedule, own_epoch = self._at(epoch)
        return schedule.lr_at(own_epoch, bias=bias)

    def momentum_at(self, epoch: float) -> float:
        schedule, own_epoch = self._at(epoch)
        return schedule.momentum_at(own_epoch)

    def apply(self, optimizer: Optimizer, epoch: float) -> None:
        """Set every parameter group."""
        schedule, own_epoch = self._at(epoch)
        schedule.apply(optimizer, own_epoch)

    def accumulate_at(self, epoch: float) -> int:
        """Return the number of micro-batches of the optimizer step that starts now."""
        schedule, own_epoch = self._at(epoch)
        return schedule.accumulate_at(own_epoch)

    def objectness_ratio_at(self, epoch: float) -> float:
        """Return the share of the objectness target that is the IoU; see `Schedule`."""
        schedule, own_epoch = self._at(epoch)
        return schedule.objectness_ratio_at(own_epoch)

    def _at(self, epoch: float) -> tuple[Schedule, float]:
        change = self.first.epochs
        return (self.first, epoch) if epoch < change else (self.then, epoch - change)


class PhasedLoader:
    """The loader of each epoch; the batch size is a function of the epoch.

    Only one loader exists at a time, so that the workers of the first end when the second begins.

    Args:
        build: builds the loader for a batch size.
        batch_size_at: epoch, from 0 -> images per batch.
    """

    def __init__(self, build: Callable[[int], Loader], batch_size_at: Callable[[int], int]) -> None:
        self._build = build
        self._batch_size_at = batch_size_at
        self._batch_size = batch_size_at(0)
        self._loader = build(self._batch_size)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)

    def set_epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        """Choose the loader, the order and the augmentation of the next pass."""
        if self._batch_size_at(epoch) != self._batch_size:
            self._batch_size = self._batch_size_at(epoch)
            del self._loader
            self._loader = self._build(self._batch_size)
        self._loader.set_epoch(epoch, record)

    def skip(self, batches: int) -> None:
        """Skip the first micro-batches of the next pass."""
        self._loader.skip(batches)
