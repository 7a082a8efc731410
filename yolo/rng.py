"""Where randomness comes from."""

from __future__ import annotations

import random

import numpy as np
import torch


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The randomness of one picture in one epoch.

    It does not depend on what a worker or a rank did before, so the number of workers, ranks and restarts does not
    change the data.

    Args:
        seed: of the run, >= 0.
        epoch: from 0.
        index: of the picture in its data set.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch, index])))


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, NumPy and PyTorch (all devices).

    Args:
        seed: 0..2**32 - 1.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (other packages draw from it)
    torch.manual_seed(seed)
