"""Sizes of the network input in training, from step to step, and in validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.engine.multi_scale import MultiScale
from yolo.model.input_sizes import input_size, largest_stride

if TYPE_CHECKING:
    from yolo.config.size_settings import SizeSettings
    from yolo.model.graph import Graph

MULTI_SCALE = (0.67, 1.5)  # of the side: what --multi-scale means by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSizes:
    """Sides in pixels, all fit for the network."""

    train: int  # at which images are prepared
    test: int  # of validation
    varied: MultiScale | None  # of training's steps, where they vary

    @property
    def largest(self) -> int:
        """In training."""
        return self.varied.largest if self.varied else self.train

    @classmethod
    def of(cls, graph: Graph, chosen: SizeSettings, *, rect: bool, seed: int) -> InputSizes:
        """The sizes that settings mean for a network.

        Raises:
            SettingsError: a side must be a multiple of the network's stride, and is none.
        """
        low, high, test = chosen.sides
        varies = chosen.multi_scale is not None or low != high
        smallest, largest = (input_size(graph, side, any_multiple=rect or varies) for side in (low, high))
        stride, every = largest_stride(graph), chosen.multi_scale_every
        varied = None
        if low != high:
            varied = MultiScale(smallest=smallest, largest=largest, stride=stride, seed=seed, every=every)
        elif varies:
            shares = chosen.multi_scale or MULTI_SCALE
            varied = MultiScale.around(largest, *shares, stride=stride, seed=seed, every=every)
        return cls(train=largest, test=input_size(graph, test, any_multiple=rect), varied=varied)

    def __str__(self) -> str:
        train = f"{self.varied.smallest}-{self.varied.largest}" if self.varied else f"{self.train}"
        return f"{train} px" + (f", validation {self.test} px" if self.test != self.train else "")
