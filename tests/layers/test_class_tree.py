"""Class trees in [region] and [softmax]."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.layers.networks import build_network, first_head
from yolo.errors import CfgError

REGION_TREE = "[convolutional]\nfilters=9\n[region]\nclasses=4\nnum=1\nanchors=1,1\ntree=data/small.tree"


@pytest.fixture
def tree_cfg(tmp_path: Path) -> str:
    """Classes animal (0) with children cat (2) and dog (3), and thing (1)."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "small.tree").write_text("animal -1\nthing -1\ncat 0\ndog 0\n")
    (tmp_path / "cfg").mkdir()
    return str(tmp_path / "cfg" / "a.cfg")


def test_region_with_a_tree_predicts_the_last_likely_class(tree_cfg: str) -> None:
    model = build_network(REGION_TREE, 2, 1, path=tree_cfg)
    raw = torch.zeros(1, 9, 1, 2)
    raw[0, 5, 0] = math.log(9)  # animal 0.9, thing 0.1 in both cells
    raw[0, 7, 0, 0] = math.log(3)  # the first cell is a cat: 0.9 * 0.75; in the second no child is above 0.5
    _, scores = first_head(model).decode(raw, (1, 2))
    torch.testing.assert_close(scores[0], 0.5 * torch.tensor([[0, 0, 0.675, 0], [0.9, 0, 0, 0]]))
    # Darknet compares the objectness of 0.5 with the threshold and reports only the class probability
    torch.testing.assert_close(model.candidates([raw], (1, 2), 0.4)[0].scores, scores[0] * 2)
    assert model.candidates([raw], (1, 2), 0.6)[0].scores.abs().sum() == 0


def test_softmax_with_a_tree_is_one_among_siblings(tree_cfg: str) -> None:
    model = build_network(
        "[connected]\noutput=4\nactivation=linear\n[softmax]\ntree=data/small.tree\n[cost]", 2, 1, path=tree_cfg
    )
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
        build_network(REGION_TREE, 2, 1, path=str(tmp_path / "a.cfg"))
    assert message in str(caught.value)
