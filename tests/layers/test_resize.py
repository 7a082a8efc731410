from __future__ import annotations

import torch

from tests.layers.networks import build_network, ramp


def test_upsample_repeats_and_scales() -> None:
    (out,) = build_network("[upsample]\nstride=2\nscale=3", 2, 1)(torch.tensor([[[[1.0, 2.0]]]]))
    assert out[0, 0].tolist() == [[3, 3, 6, 6], [3, 3, 6, 6]]


def test_negative_upsample_sums_blocks() -> None:
    (out,) = build_network("[upsample]\nstride=-2\nscale=0.5")(ramp(4, 4))
    assert out[0, 0].tolist() == [[5, 9], [21, 25]]
