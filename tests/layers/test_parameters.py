"""Shared parameters, and which parameters a `.weights` file fills."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.weights_file import WeightsHeader, write_weights
from yolo.errors import CfgError
from yolo.layers.binary import BinaryConv2d, sign
from yolo.model.network import Darknet

CONV = "[convolutional]\nfilters=2\nsize=3\npad=1\nbatch_normalize=1\nactivation=linear\n"


def network(layers: str, net: str = "width=4\nheight=4\nchannels=2") -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(f"[net]\n{net}\n{layers}", "a.cfg")).eval()


def test_layer_with_share_index_has_no_parameters_of_its_own() -> None:
    model = network(CONV + CONV + "share_index=0\ndilation=2\n")
    assert sum(p.numel() for p in model.parameters()) == 36 + 2 + 2
    assert model.num_parameters == 36 + 4 * 2
    state = {name: tensor + 1 for name, tensor in model.state_dict().items()}
    model.load_state_dict(state)
    first, second = model.layers
    assert first.conv.weight is second.conv.weight  # type: ignore[union-attr]
    assert first.bn is second.bn
    assert second.conv.dilation == (2, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[maxpool]\n" + CONV + "share_index=0", "a.cfg:12: 'share_index=0': that layer is not a [convolutional]"),
        (CONV + "[conv]\nfilters=3\nshare_index=-1", "that layer's filters, size, channels or batch_normalize differ"),
        (CONV + "share_index=0", "layer 0 is not before this one"),
    ],
)
def test_share_index_must_name_a_matching_layer(layers: str, message: str) -> None:
    with pytest.raises(CfgError) as caught:
        network(layers)
    assert message in str(caught.value)


def values(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.arange(1, count + 1, dtype=np.float32)


@pytest.mark.parametrize(
    ("keys", "stored", "bias", "scale"),
    [
        ("", 44, [1, 2], [3, 4]),
        ("dontloadscales=1\n", 38, [1, 2], [1, 1]),  # scales, means and variances are not in the file
        ("dontload=1\n", 0, [0, 0], [1, 1]),
    ],
)
def test_dontload(keys: str, stored: int, bias: list[float], scale: list[float], tmp_path: Path) -> None:
    model = network(CONV + keys + "[batchnorm]\n")
    write_weights(tmp_path / "a.weights", WeightsHeader(), [values(stored), values(8)])
    assert model.load_weights(tmp_path / "a.weights").num_values == stored + 8
    bn = model.layers[0].bn
    assert isinstance(bn, torch.nn.BatchNorm2d)
    assert bn.bias.tolist() == bias
    assert bn.weight.tolist() == scale
    assert model.layers[1].running_var.tolist() == [7, 8]  # type: ignore[operator]


@pytest.mark.parametrize(("minor", "first_row"), [(2, [3, 4, 5]), (1002, [3, 5, 7])])
def test_transposed_matrices(minor: int, first_row: list[float], tmp_path: Path) -> None:
    model = network("[connected]\noutput=2\n", "inputs=3")
    write_weights(tmp_path / "a.weights", WeightsHeader(minor=minor), [values(8)])
    model.load_weights(tmp_path / "a.weights")
    assert model.layers[0].linear.weight[0].tolist() == first_row  # type: ignore[union-attr, index]


def test_network_with_vector_input() -> None:
    model = network("[connected]\noutput=2\n[softmax]\n[cost]\n", "inputs=3")
    (out,) = model(torch.rand(5, 3))
    assert out.shape == (5, 2, 1, 1)  # [cost] is not the output
    torch.testing.assert_close(out.sum(1).flatten(), torch.ones(5))


def test_net_without_a_size_is_rejected() -> None:
    with pytest.raises(CfgError, match=r"\[net\] without 'width': must be 1 or more"):
        network("[maxpool]\n", "height=3")


def test_sign_of_zero_and_its_gradient() -> None:
    x = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    y = sign(x)
    assert y.tolist() == [-1, -1, 1]
    (gradient,) = torch.autograd.grad(y @ torch.tensor([1.0, 2.0, 3.0]), x)
    assert gradient.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("binary_input", "expected"),
    [
        (False, [2 * (0 + 2 + 4), 2 * (2 - 4 - 0)]),  # weights 2, 2, -2: signs times the mean magnitude
        (True, [2 * (-1 + 1 + 1), 2 * (1 - 1 + 1)]),  # signs 1, -1 padded with -1
    ],
)
def test_binary_convolution(binary_input: bool, expected: list[float]) -> None:
    conv = BinaryConv2d(1, 1, (1, 3), padding=(0, 1), bias=False, binary_input=binary_input)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[[1.0, 3.0, -2.0]]]]))
        out = conv(torch.tensor([[[[2.0, -4.0]]]]))
    assert out.flatten().tolist() == expected


@pytest.mark.parametrize(
    ("next_layers", "activation"),
    [
        ("[maxpool]\n", "linear"),  # uses only signs
        ("[shortcut]\nfrom=-2\n", "leaky"),  # adds values, so the activation stays
        ("[maxpool]\n[route]\nlayers=-2\n", "leaky"),
    ],
)
def test_bin_output_drops_the_activation_unless_values_are_combined(next_layers: str, activation: str) -> None:
    xnor = CONV.replace("linear", "leaky") + "xnor=1\nbin_output=1\n"
    layer = network(CONV + xnor + next_layers).layers[1]
    kind = {"linear": torch.nn.Identity, "leaky": torch.nn.LeakyReLU}[activation]
    assert isinstance(layer.activation, kind)
