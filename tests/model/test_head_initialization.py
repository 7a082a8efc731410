from __future__ import annotations

import math

import torch

from tests.model.test_network import SMALL, randomized
from yolo.darknet.cfg_file import CfgFile
from yolo.layers import HeadSpec
from yolo.model.graph import plan, with_classes
from yolo.model.head_initialization import fix_single_class_score, initialize_head_biases
from yolo.model.network import Darknet


def test_untrained_heads_expect_few_objects() -> None:
    model = Darknet(with_classes(plan(CfgFile.parse(SMALL, "small.cfg")), 3))
    initialize_head_biases(model)
    bias = model.state_dict()["layers.1.conv.bias"].view(3, 8)
    assert bias[:, 4].tolist() == [-4.5] * 3
    assert math.isclose(bias[0, 5].item(), math.log(0.6 / 2.01), rel_tol=1e-6)


def test_the_score_of_a_single_class_is_the_objectness() -> None:
    model = randomized(Darknet(with_classes(plan(CfgFile.parse(SMALL, "small.cfg")), 1)))
    images = torch.rand(1, model.net.channels, model.net.height, model.net.width)
    heads = [node.spec for node in model.heads]
    fix_single_class_score(model)
    with torch.no_grad():
        outputs = model.eval()(images)
    for head, raw in zip(heads, outputs, strict=True):
        assert isinstance(head, HeadSpec)
        _, scores = head.decode(raw, (model.net.height, model.net.width))
        torch.testing.assert_close(scores[..., 0], head.objectness(raw), rtol=1e-6, atol=0)
