from __future__ import annotations

import pytest
import torch

from tests.layers.networks import build_network


def test_yolo_decode_by_hand() -> None:
    model = build_network(
        "[convolutional]\nfilters=7\nactivation=linear\n[yolo]\nclasses=2\nnum=2\nmask=1\nanchors=1,1,10,20\nscale_x_y=2",
        width=2,
        height=1,
    )
    raw = torch.zeros(1, 7, 1, 2)
    raw[0, 2, 0, 1] = 1.0  # the box of the second cell is exp(1) times as wide as the anchor
    raw[0, 5, 0, 1] = 100.0  # the probability of its first class is 1
    predictions = model.decode([raw], image_size=(32, 64))
    # cells are 32 pixels; sigmoid(0) * 2 - 0.5 = 0.5: so centres are in the middle of the cells
    width = 10 * torch.tensor(1.0).exp().item()
    expected = [[16 - 5, 16 - 10, 16 + 5, 16 + 10], [48 - width / 2, 6, 48 + width / 2, 26]]
    torch.testing.assert_close(predictions.boxes_xyxy[0], torch.tensor(expected))
    torch.testing.assert_close(predictions.scores[0], torch.tensor([[0.25, 0.25], [0.5, 0.25]]))


def test_mask_beyond_num_gives_boxes_of_size_0_as_in_darknet(caplog: pytest.LogCaptureFixture) -> None:
    model = build_network(
        "[convolutional]\nfilters=12\n[yolo]\nclasses=1\nnum=1\nmask=0,1\nanchors=2,2,4,4", width=2, height=1
    )
    assert "mask=1 with num=1 gives boxes of size 0" in caplog.text
    boxes = model.decode([torch.zeros(1, 12, 1, 2)], (1, 2)).boxes_xyxy[0]
    assert (boxes[:, 2:] - boxes[:, :2]).tolist() == [[2, 2], [0, 0]] * 2
