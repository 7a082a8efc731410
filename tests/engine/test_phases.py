from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
import torch
from torch import nn

from yolo.engine.optimizer import build_optimizer
from yolo.engine.phases import PhasedLoader, PhasedSchedule
from yolo.engine.schedule import Schedule

FIRST = Schedule(
    epochs=2, policy=lambda progress: 1 - progress / 2, burn_in=0, lr=1.0, momentum=0.9, weight_decay=0.1, accumulate=4
)
SCHEDULE = PhasedSchedule(first=FIRST, then=replace(FIRST, epochs=4, lr=0.1, accumulate=2))


class RangeLoader:
    """Loader of batches of `range(12)`."""

    def __init__(self, batch_size: int) -> None:
        self.batches = torch.split(torch.arange(12), batch_size)
        self.epoch = -1

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[torch.Tensor]:
        return iter(self.batches)

    def set_epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        del record
        self.epoch = epoch

    def skip(self, batches: int) -> None:
        self.batches = self.batches[batches:]


@pytest.mark.parametrize(("epoch", "lr"), [(0.0, 1.0), (1.0, 0.75), (2.0, 0.1), (4.0, 0.075), (6.0, 0.05)])
def test_each_phase_starts_its_schedule_at_zero(epoch: float, lr: float) -> None:
    optimizer = build_optimizer(nn.Linear(1, 1), "sgd", lr=9, momentum=0.5, weight_decay=9)
    SCHEDULE.apply(optimizer, epoch)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([lr, lr])
    assert SCHEDULE.accumulate_at(epoch) == (4 if epoch < 2 else 2)


def test_the_loader_is_rebuilt_only_when_the_batch_size_changes() -> None:
    built: list[weakref.ref[RangeLoader]] = []

    def build(batch_size: int) -> RangeLoader:
        assert not any(reference() for reference in built)  # the previous loader and its workers are gone
        loader = RangeLoader(batch_size)
        built.append(weakref.ref(loader))
        return loader

    loader = PhasedLoader(build, lambda epoch: 6 if epoch < 2 else 3)
    lengths = []
    for epoch in range(4):
        loader.set_epoch(epoch, {})
        lengths.append((len(loader), len(list(loader))))
        assert [reference().epoch for reference in built if reference()] == [epoch]  # type: ignore[union-attr]
    assert lengths == [(2, 2), (2, 2), (4, 4), (4, 4)]
    assert len(built) == 2
