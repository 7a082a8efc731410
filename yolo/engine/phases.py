"""A run in two phases, of which the second has other batches and another schedule than the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.optim import Optimizer

    from yolo.engine.schedule import Schedule
    from yolo.engine.trainer import Loader


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasedSchedule:
    """One schedule after another, each on its own clock."""

    first: Schedule
    then: Schedule
    change: int  # epochs of the first

    def apply(self, optimizer: Optimizer, epoch: float) -> None:
        """Set every parameter group."""
        schedule, own_epoch = self._at(epoch)
        schedule.apply(optimizer, own_epoch)

    def accumulate_at(self, epoch: float) -> int:
        """Micro-batches that the optimizer step starting now is made of."""
        schedule, own_epoch = self._at(epoch)
        return schedule.accumulate_at(own_epoch)

    def _at(self, epoch: float) -> tuple[Schedule, float]:
        return (self.first, epoch) if epoch < self.change else (self.then, epoch - self.change)


class PhasedLoader:
    """One loader after another: a function of the epoch.

    Only one exists at a time, so that the workers of the first end when the second begins.

    Args:
        build: makes the loader for a batch size.
        batch_size_at: epoch, from 0 -> pictures a batch.
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

    def set_epoch(self, epoch: int) -> None:
        """Choose the loader, the order and the variation of the next pass."""
        if self._batch_size_at(epoch) != self._batch_size:
            self._batch_size = self._batch_size_at(epoch)
            del self._loader
            self._loader = self._build(self._batch_size)
        self._loader.set_epoch(epoch)
