"""Where the time of an evaluation goes: reading images, the network, and what comes after it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds an image."""

    load: float  # waiting for the workers, and moving images to the device
    forward: float  # the network
    nms: float  # decoding boxes, suppression, back to the images' pixels
    images: int

    @property
    def total(self) -> float:
        """Milliseconds an image."""
        return self.load + self.forward + self.nms

    def __str__(self) -> str:
        parts = f"load {self.load:.1f}, forward {self.forward:.1f}, NMS {self.nms:.1f}"
        return f"{parts}: {self.total:.1f} ms an image over {self.images} images"


class Stopwatch:
    """Splits the time of a loop over batches at the model's forward calls; waits for a CUDA device at each split."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._seconds = {"load": 0.0, "forward": 0.0, "nms": 0.0}
        self._stage = "load"
        self._since = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Measure while the block runs."""
        before = self._model.register_forward_pre_hook(self._before_forward)
        after = self._model.register_forward_hook(self._after_forward)
        self._since = self._now()
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def batch_done(self) -> None:
        """What follows is waiting for the next batch."""
        self._begin("load")

    def speed(self, images: int) -> Speed:
        """The times so far, over the images that they were for."""
        return Speed(**{stage: 1000 * s / max(images, 1) for stage, s in self._seconds.items()}, images=images)

    def _before_forward(self, *_: Any) -> None:
        self._begin("forward")

    def _after_forward(self, *_: Any) -> None:
        self._begin("nms")

    def _begin(self, stage: str) -> None:
        now = self._now()
        self._seconds[self._stage] += now - self._since
        self._stage, self._since = stage, now

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
