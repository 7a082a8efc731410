from __future__ import annotations

import pytest
import torch

from tests.layers.networks import build_network
from yolo.errors import CfgError

CONV = "[convolutional]\nfilters=2\nsize=3\npad=1\nbatch_normalize=1\nactivation=linear\n"


def test_dilated_convolution_keeps_darknets_output_size() -> None:
    model = build_network("[convolutional]\nsize=3\npad=1\ndilation=2\nactivation=linear", 9, 9)
    (out,) = model(torch.rand(1, 1, 9, 9))
    assert tuple(out.shape[1:]) == model.nodes[0].out_shape == (1, 9, 9)


def test_layer_with_share_index_has_no_parameters_of_its_own() -> None:
    model = build_network(CONV + CONV + "share_index=0\ndilation=2\n", channels=2)
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
        build_network(layers, channels=2)
    assert message in str(caught.value)


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
    layer = build_network(CONV + xnor + next_layers, channels=2).layers[1]
    kind = {"linear": torch.nn.Identity, "leaky": torch.nn.LeakyReLU}[activation]
    assert isinstance(layer.activation, kind)
