"""Sizes of the network input in training, from step to step, and in validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.engine.multi_scale import MultiScale
from yolo.model.input_sizes import input_size, largest_stride

if TYPE_CHECKING:
    from yolo.config.size_settings import SizeSettings
    from yolo.model.graph import Graph

DEFAULT_MULTI_SCALE = (0.67, 1.5)  # times the size: --multi-scale without values


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSizes:
    """Sides of the network input, pixels; the network can take all of them."""

    train: int  # of prepared training images
    test: int  # of validation
    multi_scale: MultiScale | None  # sizes of the training steps; None: always `train`

    @property
    def largest(self) -> int:
        """The largest in training."""
        return self.multi_scale.largest if self.multi_scale else self.train

    def __str__(self) -> str:
        sizes = self.multi_scale
        train = f"{sizes.smallest}-{sizes.largest}" if sizes else f"{self.train}"
        return f"{train} px" + (f", validation {self.test} px" if self.test != self.train else "")


def choose_input_sizes(graph: Graph, chosen: SizeSettings, *, rect: bool, seed: int) -> InputSizes:
    """Return the input sizes that settings mean for a network.

    Raises:
        SettingsError: a side must be a multiple of the network's stride, and is not.
    """
    low, high, test = chosen.sides
    varies = chosen.multi_scale is not None or low != high
    smallest, largest = (input_size(graph, side, any_multiple=rect or varies) for side in (low, high))
    stride, every = largest_stride(graph), chosen.multi_scale_every
    multi_scale = None
    if low != high:
        multi_scale = MultiScale(smallest=smallest, largest=largest, stride=stride, seed=seed, every=every)
    elif varies:
        factors = chosen.multi_scale or DEFAULT_MULTI_SCALE
        multi_scale = MultiScale.around(largest, *factors, stride=stride, seed=seed, every=every)
    return InputSizes(train=largest, test=input_size(graph, test, any_multiple=rect), multi_scale=multi_scale)
