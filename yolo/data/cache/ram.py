"""A cache in shared memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from yolo.data.cache.slots import Slots


class RamCache:
    """Resized images in memory that all workers share; it is allocated as slots are filled."""

    def __init__(self, slots: Slots, count: int) -> None:
        """Allocate the memory.

        Args:
            slots: the layout.
            count: number of first images that are kept; at least 1.
        """
        self._slots = slots
        self._count = count
        # Shared from the start: share_memory_() would copy it, and so touch every page before the first image.
        storage = torch.UntypedStorage._new_shared(int(slots.ends[count]))  # type: ignore[no-untyped-call]
        self._pixels = torch.empty(0, dtype=torch.uint8).set_(storage)
        self._filled = torch.zeros(count, dtype=torch.uint8).share_memory_()  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return self._count

    def get(self, i: int) -> npt.NDArray[np.uint8] | None:
        if i >= self._count or not self._filled.numpy()[i]:
            return None
        image = self._slots.view(self._pixels.numpy(), i)
        image.flags.writeable = False
        return image

    def put(self, i: int, image: npt.NDArray[np.uint8]) -> None:
        if i < self._count:
            self._slots.view(self._pixels.numpy(), i)[:] = image
            self._filled.numpy()[i] = 1
