"""Settings of the size of the network input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from yolo.errors import require, require_img_size, require_ranges


@dataclass(frozen=True, kw_only=True)
class SizeSettings:
    """Size of the network input."""

    img_size: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N | MIN MAX [TEST]")] = ()
    """Side, pixels: N for all; MIN MAX: training varies between them; TEST: of validation; default: cfg width."""
    multi_scale: Annotated[tuple[float, ...] | None, tyro.conf.arg(metavar="[LOW HIGH]")] = None
    """Training sizes vary from LOW to HIGH times --img-size; without values 0.67 to 1.5; `None`: they do not."""
    multi_scale_every: int = 10
    """Optimizer steps between two changes of the size."""

    @property
    def sides(self) -> tuple[int | None, int | None, int | None]:
        """MIN, MAX and TEST; None: the width of the cfg."""
        last = self.img_size[-1] if self.img_size else None
        smallest, largest, test = (*self.img_size, last, last, last)[:3]
        return smallest, largest, test

    def __post_init__(self) -> None:
        given = " ".join(map(str, self.img_size))
        require("--img-size", given, len(self.img_size) <= 3, "one value, MIN MAX, or MIN MAX TEST")
        require_img_size(*self.img_size)
        low, high, _ = self.sides
        require("--img-size", given, low is None or high is None or low <= high, "MIN no larger than MAX")
        shares = self.multi_scale or (1, 1)
        given = " ".join(f"{share:g}" for share in shares)
        require("--multi-scale", given, len(shares) == 2, "it by itself, or with LOW HIGH")
        require("--multi-scale", given, 0 < shares[0] <= 1 <= shares[1] <= 4, "0 < LOW <= 1 <= HIGH <= 4")
        require(
            "--multi-scale", given, not self.multi_scale or low == high, "LOW HIGH, or --img-size MIN MAX, not both"
        )
        require_ranges(self, multi_scale_every=(1, 1e9))
