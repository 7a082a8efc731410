from __future__ import annotations

import pytest
import torch

from tests.layers.networks import build_network, first_head


@pytest.mark.parametrize(("softmax", "expected"), [(1, [0.25, 0.25]), (0, [0.0, 0.0])])
def test_region_by_hand(softmax: int, expected: list[float]) -> None:
    model = build_network(
        f"[convolutional]\nfilters=7\n[region]\nclasses=2\nnum=1\nanchors=1,0.5\nsoftmax={softmax}", 2, 1
    )
    raw = torch.zeros(1, 7, 1, 2)
    boxes, scores = first_head(model).decode(raw, (16, 32))
    torch.testing.assert_close(boxes[0], torch.tensor([[0.0, 4, 16, 12], [16, 4, 32, 12]]))
    assert scores[0, 0].tolist() == expected
    candidates = model.candidates([raw], (16, 32), threshold=0.3)[0]
    assert candidates.objectness.tolist() == [1, 1]  # every box is kept, with scores of 0
    assert candidates.scores.abs().sum() == 0
