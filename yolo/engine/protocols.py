"""Interfaces of the parts that the training loop is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor, nn
    from torch.optim import Optimizer


class ComputeLoss(Protocol):
    """The loss of a micro-batch."""

    def __call__(self, model: nn.Module, batch: Any, images_seen: int, epoch: float) -> dict[str, Tensor]:
        """Return the loss terms by name; their sum is minimised.

        Args:
            model: called on the images of the batch.
            batch: a micro-batch.
            images_seen: number of images that were trained on before this batch.
            epoch: time in epochs, as a fraction.
        """


class MicroBatch(Protocol):
    """An item of the loader: has a number of images, and can be resized."""

    def __len__(self) -> int: ...

    def resized(self, size: int, stride: int) -> MicroBatch: ...


class Loader(Protocol):
    """An epoch of micro-batches."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...

    def set_epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        """Choose the order and augmentation of the next pass.

        Args:
            epoch: from 0.
            record: the numbers of the previous epoch by name; a weighted sampler depends on them.
        """

    def skip(self, batches: int) -> None:
        """Skip the first micro-batches of the next pass."""


class RunSchedule(Protocol):
    """Learning rates and accumulation as functions of the time in epochs."""

    @property
    def epochs(self) -> int: ...

    def apply(self, optimizer: Optimizer, epoch: float) -> None: ...

    def accumulate_at(self, epoch: float) -> int: ...


class RunEarlyStop(Protocol):
    """Decides after each epoch whether the run ends early; see `EarlyStop`."""

    def update(self, record: Mapping[str, float], epoch: int) -> None:
        """Record the numbers of an epoch, numbered from 1."""

    def reason_to_stop(self, epoch: int) -> str:
        """Return why the run ends after an epoch, numbered from 1; empty if it goes on."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class RunPrecision(Protocol):
    """A number format; see `Precision`."""

    def full(self) -> AbstractContextManager[Any]: ...

    def autocast(self) -> AbstractContextManager[Any]: ...

    def backward(self, loss: Tensor) -> None: ...

    def unscale(self, optimizer: Optimizer) -> None: ...

    def step(self, optimizer: Optimizer) -> None: ...

    def backoff_scale(self, optimizer: Optimizer) -> bool: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...
