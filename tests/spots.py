"""A network with known detections: it finds pure red (class 0) and pure blue (class 1) cells of 8 x 8 pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from yolo.darknet.cfg_file import CfgFile
from yolo.layers.conv import ConvLayer
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

CFG = """[net]
width=64
height=64
[maxpool]
size=8
stride=8
padding=0
[convolutional]
filters=7
activation=linear
[yolo]
classes=2
num=1
anchors=8,8
"""
RED, BLUE = 0, 1
COLOURS = {RED: (0, 0, 255), BLUE: (255, 0, 0)}  # BGR


def spot_model() -> Darknet:
    """Build the network; its boxes are one cell each, and their scores are 1 up to rounding."""
    model = Darknet.from_cfg(CfgFile.parse(CFG, "spots.cfg")).eval()
    layer = model.layers[1]
    assert isinstance(layer, ConvLayer)
    weight, bias = torch.zeros(7, 3), torch.zeros(7)
    weight[4], bias[4] = (
        torch.tensor([200.0, -400.0, 200.0]),
        -180.0,
    )  # objectness above 0.5 where red + blue - 2 * green > 0.9
    weight[5], weight[6] = torch.tensor([100.0, 0.0, -100.0]), torch.tensor([-100.0, 0.0, 100.0])
    with torch.no_grad():
        layer.conv.weight.copy_(weight[:, :, None, None])
        assert layer.conv.bias is not None
        layer.conv.bias.copy_(bias)
    return model


def write_spot_network(folder: Path) -> tuple[Path, Path, Path]:
    """Write the network to files; return the paths of cfg, weights and names."""
    (folder / "spots.cfg").write_text(CFG)
    (folder / "spots.names").write_text("red\nblue\n")
    spot_model().save_weights(folder / "spots.weights")
    return folder / "spots.cfg", folder / "spots.weights", folder / "spots.names"


def paint(size_wh: tuple[int, int], spots: Iterable[tuple[int, int, int]]) -> npt.NDArray[np.uint8]:
    """Return a black image with a spot of 8 x 8 pixels at each (left, top, class)."""
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    for left, top, class_id in spots:
        image[top : top + 8, left : left + 8] = COLOURS[class_id]
    return image
