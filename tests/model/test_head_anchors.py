import numpy as np
import pytest

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import CfgError
from yolo.layers.head_spec import AnchorHeadSpec
from yolo.model.graph import read_graph
from yolo.model.head_anchors import anchor_heads, head_anchors, num_anchors, with_anchors
from yolo.model.network import Darknet
from yolo.storage import shipped_names


def test_heads_are_sorted_by_stride_and_anchors_are_in_pixels() -> None:
    heads = anchor_heads(read_graph("yolov4-tiny"))
    assert [head.stride for head in heads] == [(16.0, 16.0), (32.0, 32.0)]
    assert list(heads[0].anchors_wh) == [(23, 27), (37, 58), (81, 82)]
    regions = anchor_heads(read_graph("yolov2-tiny"))
    assert regions[0].anchors_wh[0] == pytest.approx((0.57273 * 32, 0.677385 * 32))


def test_anchors_that_no_mask_names_are_excluded() -> None:
    graph = read_graph("yolov4-tiny")  # masks 3,4,5 and 1,2,3
    assert head_anchors(graph).tolist() == [[23, 27], [37, 58], [81, 82], [135, 169], [344, 319]]
    assert num_anchors(graph) == 6


def cfgs_with_anchors() -> list[str]:
    return [name for name in shipped_names("cfg", ".cfg") if "anchors" in CfgFile.read(name).text]


@pytest.mark.parametrize("name", cfgs_with_anchors())
@pytest.mark.parametrize("more", [0, 1])
def test_every_shipped_network_accepts_new_anchors(name: str, more: int) -> None:
    graph = read_graph(name)
    num = num_anchors(graph) + more
    anchors = np.arange(1, num + 1)[:, None] * np.array([8.5, 16.0])
    edited = with_anchors(graph, anchors[::-1])
    heads = anchor_heads(edited)  # reading the heads plans the graph again, so the filters must match
    np.testing.assert_allclose([pair for head in heads for pair in head.anchors_wh], anchors, atol=1e-4)
    masks = [index for head in heads if isinstance(head.spec, AnchorHeadSpec) for index in head.spec.mask or ()]
    assert masks in ([], list(range(num)))
    comments = [line for line in graph.cfg.text.splitlines() if line.startswith("#")]
    assert [line for line in edited.cfg.text.splitlines() if line.startswith("#")] == comments
    assert [head.index for head in heads] == [head.index for head in anchor_heads(graph)]


def test_filters_before_a_gaussian_head_are_adjusted() -> None:
    edited = with_anchors(read_graph("gaussian-yolov3"), np.array([(10.0, 20.0), (30.0, 40.0), (50.0, 60.0)]))
    assert [head.spec.num for head in anchor_heads(edited)] == [3, 3, 3]
    first = anchor_heads(edited)[0]
    assert edited.cfg.layers[first.index - 1].find("filters") is not None
    assert "filters=19\n" in edited.cfg.text  # 1 anchor x (9 + 10 classes)


def test_the_edited_network_builds_with_the_same_number_of_parameters() -> None:
    edited = with_anchors(read_graph("shapes"), np.array([(10.0, 20.0)] * num_anchors(read_graph("shapes"))))
    assert Darknet(edited).num_parameters == Darknet.from_cfg("shapes").num_parameters


def test_a_network_without_anchors_is_an_error() -> None:
    with pytest.raises(CfgError, match=r"darknet19.cfg: no head with anchors"):
        anchor_heads(read_graph("darknet19"))
