from __future__ import annotations

import pytest
import torch
from torch import Tensor

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import CfgError
from yolo.layers import HeadSpec
from yolo.model.graph import plan, with_classes
from yolo.model.head_classes import with_head_classes
from yolo.model.network import Darknet

CONVOLUTION = "[convolutional]\nfilters={}\nactivation={}\n"
ANCHORS = "num=2\nanchors=4,4, 8,8\n"
HEADS = {  # of two classes
    "yolo": CONVOLUTION.format(14, "linear") + "[yolo]\nclasses=2\n" + ANCHORS,
    "yolo, new_coords": CONVOLUTION.format(14, "logistic") + "[yolo]\nclasses=2\nnew_coords=1\n" + ANCHORS,
    "Gaussian_yolo": CONVOLUTION.format(22, "linear") + "[Gaussian_yolo]\nclasses=2\n" + ANCHORS,
    "region": CONVOLUTION.format(14, "linear") + "[region]\nclasses=2\n" + ANCHORS,
    "region, softmax": CONVOLUTION.format(14, "linear") + "[region]\nclasses=2\nsoftmax=1\n" + ANCHORS,
    "detection": "[connected]\noutput=48\nactivation=linear\n[detection]\nclasses=2\ncoords=4\nnum=2\nside=2\n",
    "detection, softmax": "[connected]\noutput=48\nactivation=linear\n"
    "[detection]\nclasses=2\ncoords=4\nnum=2\nside=2\nsoftmax=1\n",
}
TRUNK = "[net]\nwidth=16\nheight=16\n[convolutional]\nfilters=8\nsize=3\nstride=4\npad=1\nactivation=leaky\n"


def network(head: str) -> Darknet:
    torch.manual_seed(0)
    return Darknet.from_cfg(CfgFile.parse(TRUNK + head, "small.cfg")).eval()


def changed(model: Darknet, sources: list[int | None]) -> Darknet:
    graph = with_classes(model.graph, len(sources))
    other = Darknet(graph).eval()
    other.load_state_dict(with_head_classes(model.state_dict(), model.graph, graph, sources))
    return other


@torch.no_grad()
def decoded(model: Darknet) -> tuple[Tensor, Tensor]:
    """Return boxes (B, N, 4) and scores (B, N, C) for some images."""
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    predictions = model.decode(model(images), (16, 16))
    return predictions.boxes_xyxy, predictions.scores


@pytest.mark.parametrize("head", [name for name in HEADS if "softmax" not in name])
def test_old_classes_are_detected_bit_by_bit_as_before_and_new_ones_hardly(head: str) -> None:
    model = network(HEADS[head])
    (boxes, scores), (new_boxes, new_scores) = decoded(model), decoded(changed(model, [0, 1, None, None]))
    assert torch.equal(boxes, new_boxes)
    assert torch.equal(scores, new_scores[..., :2])
    objectness = head_objectness(model)
    torch.testing.assert_close(new_scores[..., 2:], (0.01 * objectness)[..., None].expand(-1, -1, 2))


def head_objectness(model: Darknet) -> Tensor:
    """Return what `decode` multiplies with class probabilities, (B, N): scores of a network whose classes are all 1."""
    certain = changed(model, [None])
    (node,) = certain.heads
    assert isinstance(node.spec, HeadSpec)
    value = 100.0 if node.spec.class_activation == "logistic" else 1.0
    with torch.no_grad():
        for tensor in certain.layers[-2].parameters():
            if tensor.dim() == 1:
                tensor[node.spec.class_channels()] = value
    return decoded(certain)[1][..., 0]


@pytest.mark.parametrize("head", ["region, softmax", "detection, softmax"])
def test_a_softmax_gives_new_classes_at_most_one_percent(head: str) -> None:
    model = network(HEADS[head])
    (boxes, scores), (new_boxes, new_scores) = decoded(model), decoded(changed(model, [0, 1, None]))
    assert torch.equal(boxes, new_boxes)
    kept = new_scores[..., :2] / scores
    assert kept.min() > 0.99
    assert kept.max() < 1
    torch.testing.assert_close(kept[..., 0], kept[..., 1])
    torch.testing.assert_close(new_scores.sum(-1), scores.sum(-1))


@pytest.mark.parametrize("head", HEADS)
def test_classes_in_another_order_swap_their_scores(head: str) -> None:
    model = network(HEADS[head])
    (boxes, scores), (new_boxes, new_scores) = decoded(model), decoded(changed(model, [1, 0]))
    assert torch.equal(boxes, new_boxes)
    torch.testing.assert_close(scores.flip(-1), new_scores, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("key", "line"), [("batch_normalize=1", "a.cfg:10: [convolutional]"), ("groups=2", "a.cfg:10: [convolutional]")]
)
def test_other_layers_before_a_head_are_refused(key: str, line: str) -> None:
    cfg = TRUNK + HEADS["yolo"].replace("filters=14", "filters=14\n" + key)
    model = Darknet.from_cfg(CfgFile.parse(cfg, "a.cfg"))
    changed_graph = with_classes(plan(CfgFile.parse(cfg.replace("groups=2", "groups=1"), "a.cfg")), 3)
    with pytest.raises(CfgError, match="before a detection head: the classes can be changed only") as caught:
        with_head_classes(model.state_dict(), model.graph, changed_graph, [0, 1, None])
    assert str(caught.value).startswith(line)
