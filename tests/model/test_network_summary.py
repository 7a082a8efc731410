from __future__ import annotations

import json

import pytest
import torch

from tests.model.test_network import SMALL, SMALL_VALUES
from yolo.darknet.cfg_file import CfgFile
from yolo.model.graph import plan, read_graph
from yolo.model.input_sizes import largest_stride
from yolo.model.network import Darknet
from yolo.model.network_summary import Summary, summarize

CONV = "[convolutional]\nactivation=linear\nsize=3\npad=1\n"


def parsed(layers: str, size: int = 64) -> CfgFile:
    return CfgFile.parse(f"[net]\nwidth={size}\nheight={size}\nchannels=1\n{layers}", "a.cfg")


def last_field_and_jump(summary: Summary) -> tuple[int, float]:
    return summary.layers[-1].field, summary.layers[-1].jump


@pytest.mark.parametrize(
    ("layers", "field", "jump"),
    [
        (CONV, 3, 1),
        (f"{CONV}stride=2\n{CONV}", 7, 2),  # 3 + 2 * 2
        (f"{CONV}dilation=3\n", 7, 1),  # taps up to 6 apart, plus 1
        (f"{CONV}stride=2\n[maxpool]\nsize=2\nstride=2\n{CONV}", 13, 4),  # 3 + 2, + 2 * 4
        (f"{CONV}stride=2\n[upsample]\n{CONV}", 5, 1),  # three fine cells lie in two coarse ones
        (f"{CONV}{CONV}{CONV}[route]\nlayers=0,-1\n", 7, 1),  # the largest of the joined maps
        (f"{CONV}{CONV}[shortcut]\nfrom=-2\n", 5, 1),
        ("[maxpool]\nstride=4\n[avgpool]\n", 64, 64),  # the whole image
    ],
)
def test_receptive_field_by_hand(layers: str, field: int, jump: float) -> None:
    assert last_field_and_jump(summarize(parsed(layers))) == (field, jump)


@pytest.mark.parametrize(
    "layers",
    [
        CONV + f"{CONV}stride=2\n{CONV}dilation=2\n{CONV}",
        f"{CONV}stride=2\n{CONV}stride=2\n[upsample]\n{CONV}[route]\nlayers=0,-1\n{CONV}",
    ],
)
def test_receptive_field_equals_the_extent_of_the_input_gradient(layers: str) -> None:
    model = Darknet.from_cfg(parsed(layers))
    for parameter in model.parameters():
        torch.nn.init.ones_(parameter)
    image = torch.zeros(1, 1, 64, 64, requires_grad=True)
    (out,) = model(image)
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2].backward()
    assert image.grad is not None
    columns = image.grad[0, 0].abs().sum(0).nonzero()
    assert summarize(parsed(layers)).layers[-1].field == int(columns.max() - columns.min()) + 1


def test_operations_and_values_by_hand() -> None:
    (row,) = summarize(parsed("[convolutional]\nbatch_normalize=1\nfilters=6\nsize=3\nstride=2\npad=1\n")).layers
    assert row.macs == 6 * 32 * 32 * 9
    assert row.flops == 2 * row.macs
    assert row.values == 6 * 9 + 4 * 6
    assert (row.filters, row.size, row.stride, row.sources, row.output) == (6, 3, 2, (-1,), (6, 32, 32))


def test_totals_and_heads() -> None:
    summary = summarize(CfgFile.parse(SMALL, "small.cfg"))
    totals = summary.totals()
    assert totals["values"] == SMALL_VALUES
    assert totals["trainable"] == SMALL_VALUES - 2 * 4  # running means and variances
    assert totals["weights_bytes"] == 20 + 4 * SMALL_VALUES
    assert [(head.index, head.stride, head.classes) for head in summary.heads] == [(2, 2, 1), (5, 4, 1)]
    assert summary.heads[0].anchors == ((4, 4), (8, 8), (16, 16))


def test_a_head_lists_only_the_anchors_of_its_mask() -> None:
    layers = "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nnum=3\nmask=1\nanchors=1,2, 3,4, 5,6\n"
    assert summarize(parsed(layers)).heads[0].anchors == ((3, 4),)


def test_another_size_changes_shapes_and_operations_only() -> None:
    small, large = (summarize(parsed(CONV), size) for size in (None, 128))
    assert large.input == (1, 128, 128)
    assert large.layers[0].output == (1, 128, 128)
    assert large.layers[0].macs == 4 * small.layers[0].macs
    assert large.values == small.values


def test_unread_keys_are_listed_with_their_lines() -> None:
    summary = summarize(parsed(f"{CONV}warp=9\n"))
    assert summary.unread == ("a.cfg:9: warp=9 in [convolutional]",)
    assert summarize(parsed(CONV), 128).unread == ()


# Parameters, .weights bytes and BFLOPs as the C Darknet prints them.
@pytest.mark.parametrize(
    ("name", "values", "num_bytes", "bflops"),
    [("yolov3-tiny", 8_858_734, 35_434_956, 5.571), ("yolov4-tiny", 6_062_814, 24_251_276, 6.910)],
)
def test_totals_equal_those_of_darknet(name: str, values: int, num_bytes: int, bflops: float) -> None:
    totals = summarize(CfgFile.read(name)).totals()
    assert (totals["values"], totals["weights_bytes"]) == (values, num_bytes)
    assert round(totals["flops"] / 1e9, 3) == bflops


def test_as_json_can_be_serialised() -> None:
    found = json.loads(json.dumps(summarize(CfgFile.parse(SMALL, "small.cfg")).as_json()))
    assert found["totals"]["values"] == SMALL_VALUES
    assert found["layers"][0]["output"] == [4, 16, 16]
    assert found["input"] == [3, 32, 32]


@pytest.mark.parametrize(
    ("name", "stride"),
    [
        ("yolov4", 32),
        ("yolov4-p6", 64),
        ("shapes", 16),
        ("enet", 32),  # global pooling in gates does not count
        ("yolov1-tiny", 448),  # fully connected layers accept no other size
    ],
)
def test_largest_stride(name: str, stride: int) -> None:
    assert largest_stride(read_graph(name)) == stride


def test_an_upsampled_map_counts_even_without_a_head() -> None:
    assert largest_stride(plan(parsed(f"{CONV}stride=2\n{CONV}stride=2\n[upsample]\nstride=4\n"))) == 4
