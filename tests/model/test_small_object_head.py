from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yolo.checkpoints.transfer import transfer
from yolo.model.graph import plan, read_graph, with_classes
from yolo.model.head_anchors import anchor_heads
from yolo.model.network import Darknet
from yolo.model.small_object_head import with_small_object_head


@pytest.mark.parametrize(
    ("base", "skips"),
    [
        ("shapes", [(25, 1)]),  # the last convolution at stride 4
        ("yolov4-tiny", [(40, 16), (45, 8)]),  # from stride 16 over 8 to 4; what its [maxpool] layers read
        ("yolov3", [(109, 11)]),  # the last shortcut at stride 4
    ],
)
def test_features_meet_the_last_map_of_each_stride(base: str, skips: list[tuple[int, int]]) -> None:
    graph = with_small_object_head(read_graph(base))
    old = read_graph(base).nodes
    assert [node.sources for node in graph.nodes[len(old) :] if len(node.sources) == 2] == skips
    assert [node.section.name for node in graph.nodes[: len(old)]] == [node.section.name for node in old]
    assert {node.section.name for node in graph.nodes[len(old) :]} == {"route", "convolutional", "upsample", "yolo"}
    assert anchor_heads(graph)[0].stride == (4, 4)
    assert plan(graph.cfg).nodes[-1].spec == graph.nodes[-1].spec


def test_all_weights_of_the_original_are_loaded(tmp_path: Path) -> None:
    original = Darknet(read_graph("shapes"))
    original.save_weights(tmp_path / "shapes.weights")
    graph = with_small_object_head(original.graph)
    model = Darknet(graph)
    report = transfer(model, tmp_path / "shapes.weights", graph)
    assert report.mismatched == ()
    state = model.state_dict()
    before = {name: tensor for name, tensor in original.state_dict().items() if tensor.is_floating_point()}
    assert all(torch.equal(state[name], tensor) for name, tensor in before.items())
    assert model.eval()(torch.zeros(1, 3, 64, 64))[-1].shape == (1, 33, 16, 16)
    torch.save({"model": original.state_dict()}, tmp_path / "shapes.pt")
    two_classes = Darknet(with_classes(graph, 2))
    report = transfer(two_classes, tmp_path / "shapes.pt", graph)
    assert {text.split(".conv")[0] for text in report.mismatched} == {"layers.13", "layers.21"}  # before the two heads
