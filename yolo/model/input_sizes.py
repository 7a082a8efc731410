"""Sides of the network input: in training, from step to step, and in evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from yolo.darknet.keys import read_keys
from yolo.darknet.net import Net
from yolo.engine.multi_scale import MultiScale
from yolo.errors import SettingsError, require
from yolo.model.network_summary import largest_stride

if TYPE_CHECKING:
    from yolo.darknet.cfg_file import CfgFile

MULTI_SCALE = (0.67, 1.5)  # of the side: what --multi-scale means by itself


@dataclass(frozen=True, kw_only=True)
class SizeSettings:
    """Size of the network input."""

    img_size: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N | MIN MAX [TEST]")] = ()
    """Side, pixels: N for all; MIN MAX: training varies between them; TEST: of validation; default: the cfg's width."""
    multi_scale: Annotated[tuple[float, ...] | None, tyro.conf.arg(metavar="[LOW HIGH]")] = None
    """Training sizes vary from LOW to HIGH times --img-size, by itself 0.67 to 1.5; `None`: they do not."""
    multi_scale_every: int = 10
    """Optimizer steps that such a size lasts; 1: another one each step."""

    @property
    def sides(self) -> tuple[int | None, int | None, int | None]:
        """MIN, MAX and TEST; None: the cfg's width."""
        last = self.img_size[-1] if self.img_size else None
        smallest, largest, test = (*self.img_size, last, last, last)[:3]
        return smallest, largest, test

    def __post_init__(self) -> None:
        given = " ".join(map(str, self.img_size))
        require("--img-size", given, len(self.img_size) <= 3, "one value, MIN MAX, or MIN MAX TEST")
        require("--img-size", given, all(side >= 32 for side in self.img_size), "32 or more")
        low, high, _ = self.sides
        require("--img-size", given, low is None or high is None or low <= high, "MIN no larger than MAX")
        shares = self.multi_scale or (1, 1)
        given = " ".join(f"{share:g}" for share in shares)
        require("--multi-scale", given, len(shares) == 2, "it by itself, or with LOW HIGH")
        require("--multi-scale", given, 0 < shares[0] <= 1 <= shares[1] <= 4, "0 < LOW <= 1 <= HIGH <= 4")
        require(
            "--multi-scale", given, not self.multi_scale or low == high, "LOW HIGH, or --img-size MIN MAX, not both"
        )
        require("--multi-scale-every", self.multi_scale_every, self.multi_scale_every >= 1, "1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSizes:
    """Sides in pixels, all fit for the network."""

    train: int  # at which pictures are prepared
    test: int  # of validation
    varied: MultiScale | None  # of training's steps, where they vary

    @property
    def largest(self) -> int:
        """In training."""
        return self.varied.largest if self.varied else self.train

    @classmethod
    def of(cls, cfg: CfgFile, chosen: SizeSettings, *, rect: bool, seed: int) -> InputSizes:
        """The sizes that settings mean for a network.

        Raises:
            SettingsError: a side must be a multiple of the network's stride, and is none.
        """
        low, high, test = chosen.sides
        varies = chosen.multi_scale is not None or low != high
        smallest, largest = (input_size(cfg, side, any_multiple=rect or varies) for side in (low, high))
        stride, every = largest_stride(cfg), chosen.multi_scale_every
        varied = None
        if low != high:
            varied = MultiScale(smallest=smallest, largest=largest, stride=stride, seed=seed, every=every)
        elif varies:
            shares = chosen.multi_scale or MULTI_SCALE
            varied = MultiScale.around(largest, *shares, stride=stride, seed=seed, every=every)
        return cls(train=largest, test=input_size(cfg, test, any_multiple=rect), varied=varied)

    def __str__(self) -> str:
        train = f"{self.varied.smallest}-{self.varied.largest}" if self.varied else f"{self.train}"
        return f"{train} px" + (f", validation {self.test} px" if self.test != self.train else "")


def input_size(cfg: CfgFile, img_size: int | None, *, any_multiple: bool) -> int:
    """Side of the network input: the flag's, else the cfg's width.

    Args:
        cfg: the network.
        img_size: the flag.
        any_multiple: whether inputs of other multiples of the network's stride must pass too.

    Raises:
        SettingsError: they must, and the side is no multiple of it.
    """
    size = img_size or read_keys(Net, cfg.net).width
    stride = largest_stride(cfg) if any_multiple else 1
    if size % stride:
        below = size // stride * stride
        raise SettingsError(
            f"--img-size {size}: with --rect or --multi-scale it must be a multiple of {stride}, the stride of "
            f"{cfg.path}; use {below or stride} or {below + stride}"
        )
    return size
