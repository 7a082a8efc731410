"""Tiny networks for the tests of single layers."""

from __future__ import annotations

import torch

from yolo.darknet.cfg_file import CfgFile
from yolo.layers import HeadSpec
from yolo.model.network import Darknet


def build_network(layers: str, width: int = 4, height: int = 4, channels: int = 1, path: str = "a.cfg") -> Darknet:
    net = f"[net]\nwidth={width}\nheight={height}\nchannels={channels}\n"
    return Darknet.from_cfg(CfgFile.parse(net + layers, path)).eval()


def first_head(model: Darknet) -> HeadSpec:
    spec = model.heads[0].spec
    assert isinstance(spec, HeadSpec)
    return spec


def ramp(width: int, height: int, channels: int = 1) -> torch.Tensor:
    """Return a map (1, channels, height, width) with the values 0, 1, 2, ..."""
    return torch.arange(channels * height * width, dtype=torch.float32).view(1, channels, height, width)
