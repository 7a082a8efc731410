"""Worker processes that prepare batches: their signals, and the way that they send batches."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from multiprocessing.queues import Queue
from typing import TYPE_CHECKING, Any, NoReturn

import cv2
from torch.utils.data import DataLoader, Dataset

from yolo import distributed
from yolo.data.memory_limits import free_shared_memory, size_text
from yolo.data.sample import Batch
from yolo.errors import SystemLimitError, YoloError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

logger = logging.getLogger(__name__)

TIMEOUT_S = 600  # of a batch; longer than the retries of object storage take
POLL_S = 1.0
BATCHES_PER_WORKER = 2  # that wait for the trainer: the default of PyTorch
BATCH_FRACTION = 0.3  # maximum fraction of the free shared memory for batches; the image cache may take the rest


class SendByPipe:
    """Pickles what a worker sends, so that it needs no shared memory.

    Args:
        prepare: what the loader asked for -> a batch, or an error of the user.
    """

    def __init__(self, prepare: Callable[[Any], Batch | YoloError]) -> None:
        self._prepare = prepare

    def __call__(self, items: Any) -> bytes:
        return pickle.dumps(self._prepare(items))


class SendShared:
    """Puts batches of a worker into shared memory, or pickles one that does not fit there.

    Args:
        prepare: as of `SendByPipe`.
    """

    def __init__(self, prepare: Callable[[Any], Batch | YoloError]) -> None:
        self._prepare = prepare

    def __call__(self, items: Any) -> Batch | YoloError | bytes:
        batch = self._prepare(items)
        if isinstance(batch, YoloError):
            return batch
        try:
            batch.images.share_memory_()  # type: ignore[no-untyped-call]
        except RuntimeError:  # shared memory is full, or too many files are open
            return pickle.dumps(batch)
        return batch


def build_data_loader(
    dataset: Dataset[Any],
    prepare: Callable[[Any], Batch | YoloError],
    *,
    workers: int,
    batch_bytes: int,
    **options: Any,
) -> DataLoader[Any]:
    """Build a PyTorch loader whose workers leave signals to this process, end with it, and are not waited for forever.

    Args:
        dataset: the items.
        prepare: the items of a batch -> the batch, or an error of the user.
        workers: processes that prepare batches; 0: this process prepares them.
        batch_bytes: size of a batch.
        options: further ones of the loader.

    Returns:
        The loader; `receive` reads its batches.
    """
    if not workers:
        return DataLoader(dataset, collate_fn=prepare, **options)
    send = SendShared if _fits_shared_memory(batch_bytes, workers) else SendByPipe
    return DataLoader(
        dataset,
        collate_fn=send(prepare),
        num_workers=workers,
        worker_init_fn=init_worker,
        timeout=TIMEOUT_S,
        **options,
    )


def receive(batches: Iterable[Batch | YoloError | bytes]) -> Iterator[Batch]:
    """Yield the batches of a loader, and raise the error that a worker sent in the place of one."""
    try:
        for sent in batches:
            batch = pickle.loads(sent) if isinstance(sent, bytes) else sent  # noqa: S301 (from our own worker)
            if isinstance(batch, YoloError):
                raise batch
            yield batch
    except (ConnectionError, EOFError) as error:  # it ended while it handed over a batch
        raise SystemLimitError(
            "--workers: a worker process was killed, probably by the system as memory ran out; use fewer --workers"
        ) from error


def init_worker(_worker: int) -> None:
    """Prepare a worker process: a signal to all processes is for the trainer, which ends its workers itself."""
    cv2.setNumThreads(0)  # the workers are the threads
    Queue._on_queue_feeder_error = staticmethod(_end_worker)  # type: ignore[attr-defined]  # its batch would be lost
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with, args=(parent.pid, os.getppid()), daemon=True).start()


def _end_with(trainer: int, parent: int) -> None:
    """End this process when the trainer sends SIGTERM, or when its parent has ended; ignore others' SIGTERM."""
    assert sys.platform == "linux"
    while True:
        received = signal.sigtimedwait({signal.SIGTERM}, POLL_S)
        if (received is not None and received.si_pid == trainer) or os.getppid() != parent:
            os._exit(0)


def _end_worker(error: BaseException, _batch: object) -> NoReturn:
    """End this process when it cannot send a batch: the trainer would wait for it."""
    sys.stderr.write(f"worker process {os.getpid()}: cannot send a batch: {error}\n")
    sys.stderr.flush()
    os._exit(1)


def _fits_shared_memory(batch_bytes: int, workers: int) -> bool:
    """Return whether all batches that wait for the trainer fit into shared memory, and warn if not."""
    free = free_shared_memory() // distributed.local_world_size()
    needed = batch_bytes * (BATCHES_PER_WORKER * workers + 1)
    if needed <= BATCH_FRACTION * free:
        return True
    _warn(workers, needed, free)
    return False


@functools.cache  # training and validation may have the same need
def _warn(workers: int, needed: int, free: int) -> None:
    logger.warning(
        "--workers %d: their batches take %s, and shared memory has %s free: they are sent through pipes, which is "
        "slower; enlarge /dev/shm (docker run --shm-size=8g, or --ipc=host), or use fewer workers",
        *(workers, size_text(needed), size_text(free)),
    )
