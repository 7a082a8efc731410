"""What must hold of every layer type, and that a new one needs one class alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from yolo.darknet.cfg_file import CfgFile
from yolo.layers import REGISTRY, LayerSpec, Shape, register
from yolo.model.network import Darknet

CONV = "[convolutional]\nfilters={}\nsize=3\npad=1\nactivation=linear\n"
BEFORE = "[net]\nwidth=8\nheight=8\nchannels=3\n" + CONV.format(8) + CONV.format(8)

# Lines for layers that need some; every other one is tried with its defaults, behind two maps of 8 x 8 x 8.
EXAMPLES = {
    "route": ["[route]\nlayers=-1,-2\ngroups=2\ngroup_id=1"],
    "shortcut": [
        "[shortcut]\nfrom=-2",
        "[shortcut]\nfrom=-2\nweights_type=per_channel\nweights_normalization=relu",
        "[shortcut]\nfrom=-2\nweights_type=per_feature\nweights_normalization=softmax",
    ],
    "scale_channels": ["[avgpool]\n[scale_channels]\nfrom=-2"],
    "sam": ["[sam]\nfrom=-2"],
    "yolo": [CONV.format(18) + "[yolo]\nclasses=4\nnum=2\nanchors=1,1,2,2"],
    "Gaussian_yolo": [CONV.format(26) + "[Gaussian_yolo]\nclasses=4\nnum=2\nanchors=1,1,2,2"],
    "region": [CONV.format(18) + "[region]\nclasses=4\nnum=2\nanchors=1,1,2,2"],
    "detection": ["[connected]\noutput=126\n[detection]\nclasses=4\nnum=2\nside=3\ncoords=4"],
    "convolutional": [
        "[convolutional]\nfilters=4\nsize=3\npad=1\nbatch_normalize=1\nstride=2",
        "[convolutional]\nfilters=8\nsize=3\npad=1\nshare_index=-1",
        "[convolutional]\nfilters=4\nsize=3\npad=1\nxnor=1\nbatch_normalize=1",
        "[convolutional]\nfilters=4\nsize=3\npad=1\nantialiasing=1\nstride=2\ngroups=2",
    ],
    "connected": ["[connected]\noutput=5\nbatch_normalize=1"],
    "local": ["[local]\nfilters=2\nsize=3\npad=1\nstride=2"],
    "maxpool": [
        "[maxpool]\nsize=3\nstride=2",
        "[maxpool]\nmaxpool_depth=1\nout_channels=3",
        "[maxpool]\nsize=2\nstride=2\nantialiasing=2",
    ],
    "local_avgpool": ["[local_avgpool]\nsize=3\nstride=2"],
    "upsample": ["[upsample]", "[upsample]\nstride=-2"],
    "reorg": ["[reorg]\nstride=2", "[reorg]\nstride=2\nreverse=1"],
    "reorg3d": ["[reorg3d]\nstride=2"],
    "rnn": ["[rnn]\nhidden=4\noutput=3\nbatch_normalize=1"],
    "crnn": ["[crnn]\nhidden=4\noutput=3\npad=1\nbatch_normalize=1"],
    "gru": ["[gru]\noutput=3\nbatch_normalize=1"],
    "lstm": ["[lstm]\noutput=3\nbatch_normalize=1"],
    "dropout": ["[dropout]", "[dropout]\ndropblock=1\ndropblock_size_abs=7"],
}
CASES = [lines for name in sorted(REGISTRY) for lines in EXAMPLES.get(name, [f"[{name}]"])]


def build(lines: str) -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(BEFORE + lines, "a.cfg"))


@pytest.mark.parametrize("lines", CASES)
def test_planned_shape_is_the_real_one(lines: str) -> None:
    model = build(lines).eval()
    shapes: dict[int, tuple[int, ...]] = {}
    for index, layer in enumerate(model.layers):
        layer.register_forward_hook(lambda _m, _i, output, index=index: shapes.__setitem__(index, tuple(output.shape)))
    model(torch.rand(2, 3, 8, 8))
    assert shapes == {node.index: (2, *node.out_shape) for node in model.nodes}


@pytest.mark.parametrize("lines", CASES)
def test_weights_cover_every_parameter_and_statistic(lines: str) -> None:
    model = build(lines)
    stored = [
        tensor for node, layer in zip(model.nodes, model.layers, strict=True) for tensor in node.spec.weights(layer)
    ]
    statistics = {id(tensor) for tensor in model.state_dict(keep_vars=True).values() if tensor.is_floating_point()}
    assert {id(tensor) for tensor in stored} == statistics
    assert len(stored) == len(statistics)


@pytest.mark.parametrize("lines", CASES)
def test_weights_round_trip(lines: str, tmp_path: Path) -> None:
    model, other = build(lines).eval(), build(lines).eval()
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
    model.save_weights(tmp_path / "a.weights")
    other.load_weights(tmp_path / "a.weights")
    other.save_weights(tmp_path / "b.weights")
    assert (tmp_path / "a.weights").read_bytes() == (tmp_path / "b.weights").read_bytes()
    x = torch.rand(1, 3, 8, 8)
    assert all(torch.equal(a, b) for a, b in zip(model(x), other(x), strict=True))


@pytest.mark.parametrize("lines", CASES)
def test_gradients_reach_what_is_learned(lines: str) -> None:
    model = build(lines)
    outputs = model(torch.rand(2, 3, 8, 8, requires_grad=True))
    assert all(bool(output.isfinite().all()) for output in outputs)
    if outputs[0].requires_grad:
        sum(output.square().sum() for output in outputs).backward()


@pytest.fixture
def negative() -> Iterator[str]:
    """A new layer type: this one class is all that it takes."""

    class Scale(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.tensor([factor]))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.factor

    @register("negative")
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Negative(LayerSpec):
        factor: float = -1.0

        def out_shape(self, *inputs: Shape) -> Shape:
            return inputs[0]

        def build(self, *inputs: Shape) -> nn.Module:
            return Scale(self.factor)

        def weights(self, module: nn.Module) -> list[Tensor]:
            return list(module.parameters())

    yield "negative"
    del REGISTRY["negative"]


def test_a_new_layer_is_one_class(negative: str, tmp_path: Path) -> None:
    cfg = CfgFile.parse(f"[net]\nwidth=2\nheight=1\nchannels=1\n[{negative}]\nfactor=-2\n[upsample]\n", "a.cfg")
    model = Darknet.from_cfg(cfg)
    (out,) = model(torch.tensor([[[[1.0, 3.0]]]]))
    assert out[0, 0, 0].tolist() == [-2, -2, -6, -6]
    assert tuple(model.nodes[0].out_shape) == (1, 1, 2)
    model.save_weights(tmp_path / "a.weights")
    assert Darknet.from_cfg(cfg).load_weights(tmp_path / "a.weights").num_values == 1
