"""Worker processes: signals, death, and ways to send batches."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

import psutil
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from yolo.data import workers as workers_module
from yolo.data.sample import Batch
from yolo.data.workers import SendShared, build_data_loader, receive
from yolo.errors import SystemLimitError
from yolo.system_errors import explain_system_errors

BATCHES = 20


class Numbers(Dataset[int]):
    def __len__(self) -> int:
        return BATCHES

    def __getitem__(self, i: int) -> int:
        return i


def batch_of(i: int) -> Batch:
    return Batch(torch.full((1, 3, 8, 8), i, dtype=torch.uint8), torch.zeros(0, 6), (i,), ())


def unsendable(i: int) -> Batch:
    return Batch(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(0, 6), (lambda: i,), ())  # type: ignore[arg-type]


def loader(workers: int = 2, prepare: Callable[[int], Batch] = batch_of) -> DataLoader[Any]:
    return build_data_loader(Numbers(), prepare, workers=workers, batch_bytes=192, batch_size=None)


def worker_pids() -> list[int]:
    return [child.pid for child in psutil.Process().children()]


def test_signals_to_all_processes_leave_the_workers_alive() -> None:
    before = worker_pids()
    batches = receive(loader())
    found = [next(batches)]
    for name in ("TERM", "INT"):
        subprocess.run(["kill", f"-{name}", *(str(pid) for pid in worker_pids() if pid not in before)], check=True)
    found += batches
    assert [batch.image_ids for batch in found] == [(i,) for i in range(BATCHES)]
    assert [int(batch.images[0, 0, 0, 0]) for batch in found] == list(range(BATCHES))


def test_the_trainer_itself_can_end_a_worker() -> None:
    before = worker_pids()
    batches = receive(loader(1))
    next(batches)
    (worker,) = (psutil.Process(pid) for pid in worker_pids() if pid not in before)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(30) == 0


def _load_and_wait(pids: Connection) -> None:
    batches = receive(loader())
    next(batches)
    pids.send(worker_pids())
    time.sleep(600)


def test_workers_end_when_the_trainer_was_killed() -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    trainer = context.Process(target=_load_and_wait, args=(theirs,))
    trainer.start()
    workers = [psutil.Process(pid) for pid in ours.recv()]
    trainer.kill()
    trainer.join()
    gone, alive = psutil.wait_procs(workers, 30)
    assert (len(gone), alive) == (2, [])


def _kill_workers_after_each_batch(batches: Iterator[Batch], others: Sequence[int]) -> None:
    for _ in batches:
        for pid in worker_pids():
            if pid not in others:
                os.kill(pid, signal.SIGKILL)


def test_a_killed_worker_is_one_line_with_a_remedy() -> None:
    with pytest.raises(SystemLimitError, match="was killed, probably by the system as memory"), explain_system_errors():
        _kill_workers_after_each_batch(receive(loader(1)), worker_pids())


def test_a_batch_that_cannot_be_sent_is_not_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemLimitError, match="--workers: worker process"), explain_system_errors():
        list(receive(loader(1, unsendable)))
    assert "cannot send a batch: " in capfd.readouterr().err


def test_small_shared_memory_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(workers_module, "free_shared_memory", lambda: 192 * 5 * 3)
    found = list(receive(loader()))
    assert [batch.image_ids for batch in found] == [(i,) for i in range(BATCHES)]
    assert not any(batch.images.is_shared() for batch in found)  # type: ignore[no-untyped-call]
    assert "--workers 2: their batches take 0.0 MB, and shared memory has 0.0 MB free" in caplog.text
    caplog.clear()
    monkeypatch.setattr(workers_module, "free_shared_memory", lambda: 192 * 5 * 4)
    assert all(batch.images.is_shared() for batch in receive(loader()))  # type: ignore[no-untyped-call]
    assert not caplog.text


def test_a_batch_that_finds_shared_memory_full_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("unable to write to file </torch_1_2_3>: No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", refuse)
    sent = SendShared(batch_of)(7)
    assert isinstance(sent, bytes)
    (batch,) = receive([sent])
    assert torch.equal(batch.images, batch_of(7).images)
