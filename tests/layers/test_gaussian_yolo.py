from __future__ import annotations

import torch

from tests.layers.networks import build_network


def test_gaussian_uncertainty_lowers_scores() -> None:
    model = build_network(
        "[convolutional]\nfilters=10\n[Gaussian_yolo]\nclasses=1\nnum=1\nanchors=8,4\nyolo_point=left_top", 2, 1
    )
    raw = torch.zeros(1, 10, 1, 2)
    raw[0, 1:8:2, 0, 0] = -100.0  # no uncertainty in any coordinate
    predictions = model.decode([raw], image_size=(16, 32))
    torch.testing.assert_close(predictions.scores[0, :, 0], torch.tensor([0.25, 0.125]))
    # the middle of the first cell of 16 x 16 is the box's top left corner
    torch.testing.assert_close(predictions.boxes_xyxy[0, 0], torch.tensor([8.0, 8, 16, 12]))
