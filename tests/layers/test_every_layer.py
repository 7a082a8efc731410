"""Properties that every registered layer must have, and that a new layer is a single class."""

from __future__ import annotations

import re
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

# Sections for layers that need keys; every other layer is built with its defaults, after two maps of 8 x 8 x 8.
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

# Parameters that get no gradient by design, as a pattern of names.
NO_GRADIENT = {
    # The state before the first time step is 0, so weights that multiply it have no effect.
    "rnn": r"layers\.2\.self_layer\..*weight",
    "crnn": r"layers\.2\.self_layer\..*weight",
    "gru": r"layers\.2\.(input_r|state_r)\.|layers\.2\.state_[zh]\..*weight",
    "lstm": r"layers\.2\.(input_f|state_f)\.|layers\.2\.state_[igo]\..*weight",
    "implicit": r"layers\.[01]\.",  # does not read its input
    "contrastive": r"",  # its output is a constant
}


def build(lines: str) -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(BEFORE + lines, "a.cfg"))


@pytest.mark.parametrize("lines", CASES)
def test_planned_shape_is_the_output_shape(lines: str) -> None:
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
def test_gradients_are_finite_and_reach_every_parameter(lines: str) -> None:
    torch.manual_seed(0)
    model = build(lines).train()
    images = torch.rand(2, 3, 8, 8, requires_grad=True)
    outputs = model(images)
    assert all(bool(output.isfinite().all()) for output in outputs)
    loss = torch.stack([(output * torch.rand_like(output)).sum() for output in outputs]).sum()
    section = re.findall(r"\[(\w+)\]", lines)[-1]
    assert loss.requires_grad == (section != "contrastive")
    if loss.requires_grad:
        torch.autograd.backward([loss])
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert all(bool(gradient.isfinite().all()) for gradient in gradients.values() if gradient is not None)
    without = {name for name, gradient in gradients.items() if gradient is None or not gradient.any()}
    pattern = NO_GRADIENT.get(section)
    assert without == {name for name in gradients if pattern is not None and re.match(pattern, name)}
    reached = images.grad is not None and bool(images.grad.isfinite().all()) and bool(images.grad.any())
    assert reached == (section not in ("implicit", "contrastive"))


@pytest.fixture
def negative() -> Iterator[str]:
    """Register a new layer type, which takes no more than this one class."""

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


def test_new_layer_is_one_class(negative: str, tmp_path: Path) -> None:
    cfg = CfgFile.parse(f"[net]\nwidth=2\nheight=1\nchannels=1\n[{negative}]\nfactor=-2\n[upsample]\n", "a.cfg")
    model = Darknet.from_cfg(cfg)
    (out,) = model(torch.tensor([[[[1.0, 3.0]]]]))
    assert out[0, 0, 0].tolist() == [-2, -2, -6, -6]
    assert tuple(model.nodes[0].out_shape) == (1, 1, 2)
    model.save_weights(tmp_path / "a.weights")
    assert Darknet.from_cfg(cfg).load_weights(tmp_path / "a.weights").num_values == 1
