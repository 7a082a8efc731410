from __future__ import annotations

import torch

from tests.layers.networks import build_network, first_head
from yolo.darknet.cfg_file import CfgFile
from yolo.model.graph import plan, with_classes
from yolo.model.network import Darknet


def test_detection_by_hand() -> None:
    model = build_network("[connected]\noutput=7\n[detection]\nclasses=2\ncoords=4\nnum=1\nside=1\nsqrt=1", 2, 1)
    raw = torch.tensor([0.5, 0.25, 0.8, 0.5, 0.5, 0.5, 1.0]).view(1, 7, 1, 1)  # classes, confidence, box
    boxes, scores = first_head(model).decode(raw, (16, 32))
    torch.testing.assert_close(boxes[0], torch.tensor([[12.0, 0, 20, 16]]))
    torch.testing.assert_close(scores[0], torch.tensor([[0.4, 0.2]]))
    assert first_head(model).activate(raw).flatten().tolist() == raw.flatten().tolist()


def test_with_classes_sets_the_output_of_a_connected_layer() -> None:
    cfg = "[net]\nwidth=2\nheight=1\nchannels=1\n[connected]\noutput=28\n[detection]\nclasses=2\ncoords=4\nside=2\n"
    model = Darknet(with_classes(plan(CfgFile.parse(cfg)), 5))
    assert model.num_classes == 5
    assert model(torch.rand(1, 1, 1, 2))[0].shape == (1, 40, 1, 1)
