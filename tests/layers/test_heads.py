"""Detection heads against values computed by hand; `test_golden.py` compares them with the C Darknet."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import CfgError
from yolo.layers import HeadSpec
from yolo.model.graph import plan, with_classes
from yolo.model.network import Darknet


def network(layers: str, path: str = "a.cfg") -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(f"[net]\nwidth=2\nheight=1\nchannels=1\n{layers}", path))


def head(model: Darknet) -> HeadSpec:
    spec = model.heads[0].spec
    assert isinstance(spec, HeadSpec)
    return spec


def test_gaussian_uncertainty_lowers_scores() -> None:
    model = network("[convolutional]\nfilters=10\n[Gaussian_yolo]\nclasses=1\nnum=1\nanchors=8,4\nyolo_point=left_top")
    raw = torch.zeros(1, 10, 1, 2)
    raw[0, 1:8:2, 0, 0] = -100.0  # no uncertainty in any coordinate
    predictions = model.decode([raw], image_size=(16, 32))
    torch.testing.assert_close(predictions.scores[0, :, 0], torch.tensor([0.25, 0.125]))
    # the middle of the first cell of 16 x 16 is the box's top left corner
    torch.testing.assert_close(predictions.boxes_xyxy[0, 0], torch.tensor([8.0, 8, 16, 12]))


@pytest.mark.parametrize(("softmax", "expected"), [(1, [0.25, 0.25]), (0, [0.0, 0.0])])
def test_region_by_hand(softmax: int, expected: list[float]) -> None:
    model = network(f"[convolutional]\nfilters=7\n[region]\nclasses=2\nnum=1\nanchors=1,0.5\nsoftmax={softmax}")
    raw = torch.zeros(1, 7, 1, 2)
    boxes, scores = head(model).decode(raw, (16, 32))
    torch.testing.assert_close(boxes[0], torch.tensor([[0.0, 4, 16, 12], [16, 4, 32, 12]]))
    assert scores[0, 0].tolist() == expected
    candidates = model.candidates([raw], (16, 32), threshold=0.3)[0]
    assert candidates.objectness.tolist() == [1, 1]  # every box is kept, with scores of 0
    assert candidates.scores.abs().sum() == 0


def test_detection_by_hand() -> None:
    model = network("[connected]\noutput=7\n[detection]\nclasses=2\ncoords=4\nnum=1\nside=1\nsqrt=1")
    raw = torch.tensor([0.5, 0.25, 0.8, 0.5, 0.5, 0.5, 1.0]).view(1, 7, 1, 1)  # classes, confidence, box
    boxes, scores = head(model).decode(raw, (16, 32))
    torch.testing.assert_close(boxes[0], torch.tensor([[12.0, 0, 20, 16]]))
    torch.testing.assert_close(scores[0], torch.tensor([[0.4, 0.2]]))
    assert head(model).activate(raw).flatten().tolist() == raw.flatten().tolist()


@pytest.fixture
def tree_cfg(tmp_path: Path) -> str:
    """Classes animal (0) with children cat (2) and dog (3), and thing (1)."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "small.tree").write_text("animal -1\nthing -1\ncat 0\ndog 0\n")
    (tmp_path / "cfg").mkdir()
    return str(tmp_path / "cfg" / "a.cfg")


REGION_TREE = "[convolutional]\nfilters=9\n[region]\nclasses=4\nnum=1\nanchors=1,1\ntree=data/small.tree"


def test_region_with_a_tree_predicts_the_last_likely_class(tree_cfg: str) -> None:
    model = network(REGION_TREE, tree_cfg)
    raw = torch.zeros(1, 9, 1, 2)
    raw[0, 5, 0] = math.log(9)  # animal 0.9, thing 0.1 in both cells
    raw[0, 7, 0, 0] = math.log(3)  # the first cell is a cat: 0.9 * 0.75; in the second no child is above 0.5
    _, scores = head(model).decode(raw, (1, 2))
    torch.testing.assert_close(scores[0], 0.5 * torch.tensor([[0, 0, 0.675, 0], [0.9, 0, 0, 0]]))
    # Darknet compares the objectness of 0.5 with the threshold and reports only the class probability
    torch.testing.assert_close(model.candidates([raw], (1, 2), 0.4)[0].scores, scores[0] * 2)
    assert model.candidates([raw], (1, 2), 0.6)[0].scores.abs().sum() == 0


def test_softmax_with_a_tree_is_one_among_siblings(tree_cfg: str) -> None:
    model = network("[connected]\noutput=4\nactivation=linear\n[softmax]\ntree=data/small.tree\n[cost]", tree_cfg)
    (out,) = model(torch.rand(3, 1, 1, 2))
    pairs = out.view(3, 2, 2).sum(-1)
    torch.testing.assert_close(pairs, torch.ones(3, 2))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (None, "a.cfg:11: 'tree=data/small.tree': data/small.tree cannot be read: No such file"),
        ("animal -1\nthing\n", "line 2 of"),
        ("animal -1\nthing 5\n", "its parent must come before it"),
        ("animal -1\nthing -1\n", "has 2 classes, this layer 4"),
        ("", "contains no class"),
    ],
)
def test_bad_tree_is_rejected(tree: str | None, message: str, tmp_path: Path) -> None:
    if tree is not None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "small.tree").write_text(tree)
    with pytest.raises(CfgError) as caught:
        network(REGION_TREE, str(tmp_path / "a.cfg"))
    assert message in str(caught.value)


def test_with_classes_sets_the_output_of_a_connected_layer() -> None:
    cfg = "[net]\nwidth=2\nheight=1\nchannels=1\n[connected]\noutput=28\n[detection]\nclasses=2\ncoords=4\nside=2\n"
    model = Darknet(with_classes(plan(CfgFile.parse(cfg)), 5))
    assert model.num_classes == 5
    assert model(torch.rand(1, 1, 1, 2))[0].shape == (1, 40, 1, 1)


def test_mask_beyond_num_gives_boxes_of_size_0_as_in_darknet(caplog: pytest.LogCaptureFixture) -> None:
    model = network("[convolutional]\nfilters=12\n[yolo]\nclasses=1\nnum=1\nmask=0,1\nanchors=2,2,4,4")
    assert "mask=1 with num=1 gives boxes of size 0" in caplog.text
    boxes = model.decode([torch.zeros(1, 12, 1, 2)], (1, 2)).boxes_xyxy[0]
    assert (boxes[:, 2:] - boxes[:, :2]).tolist() == [[2, 2], [0, 0]] * 2
