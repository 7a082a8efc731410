"""Random generators and the state of the global ones."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


def sample_rng(seed: int, epoch: int, index: int, repeat: int = 0) -> np.random.Generator:
    """Return the generator of one image in one epoch.

    It does not depend on what a worker or a rank did before, so that the number of workers, ranks and restarts does
    not change the data.

    Args:
        seed: seed of the run, >= 0.
        epoch: number of the epoch, from 0.
        index: index of the image in its data set.
        repeat: how often the image was used before in this epoch.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch, index, repeat])))


def epoch_rng(seed: int, epoch: int) -> np.random.Generator:
    """Return the generator for the order of an epoch, equal on every rank and different from that of any sample."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(epoch,))))


@contextmanager
def seeded_globals(*numbers: int) -> Iterator[None]:
    """Seed the global CPU generators of Python, NumPy and PyTorch within the block, and restore them afterwards.

    Meant for third-party augmentations that draw from the global generators.

    Args:
        numbers: the seed, each number >= 0.
    """
    words = np.random.SeedSequence(numbers).generate_state(2)
    before = random.getstate(), np.random.get_state(), torch.default_generator.get_state()  # noqa: NPY002
    random.seed(int(words[0]))
    np.random.seed(words)  # noqa: NPY002
    torch.default_generator.manual_seed(int(words[1]))
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.default_generator.set_state(before[2])


def seed_everything(seed: int, *, deterministic: bool = False) -> None:
    """Seed the global generators of Python, NumPy and PyTorch (all devices).

    Args:
        seed: 0..2**32 - 1.
        deterministic: use only operations that give identical results in every run on the same device.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (used by other packages)
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # required by cuBLAS
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic


def reseed_by_rank(rank: int, step: int = 0) -> None:
    """Seed PyTorch differently on each rank, so that dropout differs.

    Args:
        rank: rank of this process; rank 0 keeps its generators.
        step: current optimizer step of the run.
    """
    if rank:
        words = np.random.SeedSequence([torch.initial_seed() % 2**32, rank, step]).generate_state(1)
        torch.manual_seed(int(words[0]))


def rng_state() -> dict[str, Any]:
    """Return the state of all global generators as tensors, numbers and lists."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(keys, np.int64)), position, has_gauss, gauss),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Restore the global generators; those of CUDA devices only if their number has not changed."""
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
