"""The time of an evaluation, split into loading images, the network, and postprocessing."""

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
    """Milliseconds per image."""

    load: float  # waiting for the loader's workers, and copying images to the device
    forward: float  # the network
    nms: float  # decoding boxes, suppression, scaling boxes to the image
    num_images: int

    @property
    def total(self) -> float:
        """Milliseconds per image of all stages."""
        return self.load + self.forward + self.nms

    def __str__(self) -> str:
        stages = f"load {self.load:.1f}, forward {self.forward:.1f}, NMS {self.nms:.1f}"
        return f"{stages}: {self.total:.1f} ms per image over {self.num_images} images"

    def as_json(self) -> dict[str, float]:
        """Return the numbers by their JSON keys."""
        return {"load": self.load, "forward": self.forward, "nms": self.nms, "images": self.num_images}


class Stopwatch:
    """Splits the time of a loop over batches at the model's forward calls; synchronizes a CUDA device at each split."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._seconds = {"load": 0.0, "forward": 0.0, "nms": 0.0}
        self._stage = "load"
        self._stage_start = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Measure while the block runs."""
        pre_hook = self._model.register_forward_pre_hook(self._before_forward)
        post_hook = self._model.register_forward_hook(self._after_forward)
        self._stage_start = self._now()
        try:
            yield
        finally:
            pre_hook.remove()
            post_hook.remove()

    def end_batch(self) -> None:
        """End a batch; the time that follows is spent waiting for the next one."""
        self._begin("load")

    def speed(self, num_images: int) -> Speed:
        """Return the times so far per image."""
        ms = {stage: 1000 * seconds / max(num_images, 1) for stage, seconds in self._seconds.items()}
        return Speed(**ms, num_images=num_images)

    def _before_forward(self, *_: Any) -> None:
        self._begin("forward")

    def _after_forward(self, *_: Any) -> None:
        self._begin("nms")

    def _begin(self, stage: str) -> None:
        now = self._now()
        self._seconds[self._stage] += now - self._stage_start
        self._stage, self._stage_start = stage, now

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
