from __future__ import annotations

import torch

from tests.layers.networks import build_network


def test_dropblock_is_active_only_in_training() -> None:
    model = build_network("[dropout]\ndropblock=1\nprobability=0.5\ndropblock_size_abs=3", 16, 16)
    x = torch.ones(1, 1, 16, 16)
    assert (model.train()(x)[0] == 0).any()
    assert torch.equal(model.eval()(x)[0], x)
