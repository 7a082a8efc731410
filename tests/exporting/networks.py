"""Networks of a few layers that together have every layer type that is hard to export."""

from __future__ import annotations

import torch
from torch import nn

from yolo.darknet.cfg_file import CfgFile
from yolo.model.network import Darknet

NET = "[net]\nwidth=32\nheight=32\n"


def conv(filters: int, more: str = "size=3\nstride=2\npad=1\nbatch_normalize=1\nactivation=leaky") -> str:
    return f"[convolutional]\nfilters={filters}\n{more}\n"


def head(name: str, more: str = "") -> str:
    return f"[{name}]\nclasses=2\nnum=3\nanchors=4,4, 8,12, 16,16\n{more}\n"


LINEAR = "activation=linear"
NETWORKS = {
    # two heads, a shared feature map upsampled, half of a route, pooling that pads on one side
    "yolo": NET
    + conv(8)
    + "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n"
    + conv(4, "size=3\npad=1\nactivation=mish")
    + "[shortcut]\nfrom=-3\nactivation=linear\n"
    + "[maxpool]\nsize=2\nstride=2\n[maxpool]\nsize=2\nstride=1\n"
    + conv(21, LINEAR)
    + head("yolo", "scale_x_y=1.1")
    + "[route]\nlayers=-3\n[upsample]\nstride=2\n[route]\nlayers=-1,0\n"
    + conv(21, LINEAR)
    + head("yolo"),
    # every head type that allows any input size
    "heads": NET
    + conv(8)
    + conv(21, "activation=logistic")
    + head("yolo", "new_coords=1\nscale_x_y=2")
    + "[route]\nlayers=0\n"
    + conv(33, LINEAR)
    + head("Gaussian_yolo")
    + "[route]\nlayers=0\n[reorg]\nstride=2\n"
    + conv(21, LINEAR)
    + head("region", "softmax=1").replace("4,4, 8,12, 16,16", "1,1, 2,3, 4,4"),
    "small": NET + conv(8) + "[maxpool]\nsize=2\nstride=1\n" + conv(8) + conv(21, LINEAR) + head("yolo"),
    # weights for each cell: one input size only
    "detection": NET + conv(4) + "[connected]\noutput=108\nactivation=linear\n"
    "[detection]\nclasses=2\ncoords=4\nnum=2\nside=3\nsqrt=1\n",
    "classifier": NET + conv(8) + "[avgpool]\n" + conv(5, LINEAR) + "[softmax]\n",
}  # fmt: skip


def build_network(name: str) -> Darknet:
    """Return a network in eval mode with random statistics, which gives high scores to some boxes."""
    torch.manual_seed(2)
    model = Darknet.from_cfg(CfgFile.parse(NETWORKS[name], f"{name}.cfg")).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            module.get_buffer("running_mean").normal_(0, 0.3)
            module.get_buffer("running_var").uniform_(0.3, 2)
        elif isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            nn.init.normal_(module.bias, 0.5, 0.5)
    return model
