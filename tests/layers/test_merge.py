from __future__ import annotations

import torch

from tests.layers.networks import build_network, ramp


def test_route_concatenates_one_group_of_each_input() -> None:
    model = build_network("[upsample]\nstride=1\n[route]\nlayers=-1,0\ngroups=2\ngroup_id=1", 2, 2, 4)
    (out,) = model(ramp(2, 2, 4))
    assert out[0, :, 0, 0].tolist() == [8, 12, 8, 12]


def test_shortcut_adds_the_common_channels() -> None:
    conv = "[convolutional]\nactivation=linear\nfilters="
    for filters in (2, 3, 4):
        model = build_network(f"{conv}3\n{conv}{filters}\n[shortcut]\nfrom=-2\n")
        x = torch.rand(1, 1, 4, 4)
        first = model.layers[0](x)
        second = model.layers[1](first)
        (out,) = model(x)
        common = min(3, filters)
        assert torch.equal(out[:, :common], second[:, :common] + first[:, :common])
        assert torch.equal(out[:, common:], second[:, common:])


def test_shortcut_of_a_larger_map_adds_every_second_cell() -> None:
    (out,) = build_network("[upsample]\nstride=1\n[maxpool]\nstride=2\n[shortcut]\nfrom=-2")(ramp(4, 4))
    assert out[0, 0].tolist() == [[5 + 0, 7 + 2], [13 + 8, 15 + 10]]


def test_weighted_shortcut_normalizes_its_weights() -> None:
    keys = "weights_type=per_feature\nweights_normalization=relu"
    model = build_network(f"[upsample]\nstride=1\n[upsample]\nstride=1\nscale=2\n[shortcut]\nfrom=-2\n{keys}")
    weight = model.state_dict()["layers.2.weight"]
    weight.copy_(torch.tensor([3.0, 1.0]))
    (out,) = model(torch.ones(1, 1, 4, 4))
    torch.testing.assert_close(out, torch.full_like(out, (3 * 2 + 1 * 1) / 4.0001))
