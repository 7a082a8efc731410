from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yolo import Darknet
from yolo.darknet.cfg_file import CfgFile
from yolo.errors import CfgError, WeightsError
from yolo.model.graph import plan, with_classes
from yolo.storage import shipped_names

SMALL = """[net]
width=32
height=32
[convolutional]
filters=4
size=3
stride=2
pad=1
batch_normalize=1
activation=leaky
[convolutional]
filters=18
activation=linear
[yolo]
classes=1
num=3
anchors=4,4, 8,8, 16,16
[route]
layers=-3
[convolutional]
filters=18
stride=2
activation=linear
[yolo]
classes=1
num=3
anchors=4,4, 8,8, 16,16
"""
SMALL_VALUES = (4 * 4 + 4 * 27) + (18 + 18 * 4) * 2


def small() -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(SMALL, "small.cfg"))


def randomized(model: Darknet) -> Darknet:
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
    return model


def test_forward_returns_raw_head_outputs_at_another_size() -> None:
    model = small().eval()
    shapes = [tuple(raw.shape) for raw in model(torch.rand(2, 3, 64, 32))]
    assert shapes == [(2, 18, 32, 16), (2, 18, 16, 8)]
    assert [node.index for node in model.heads] == [2, 5]


def test_weights_round_trip_is_byte_identical(tmp_path: Path) -> None:
    model = randomized(small())
    model.images_seen = 123
    model.save_weights(tmp_path / "a.weights")
    assert (tmp_path / "a.weights").stat().st_size == 20 + 4 * SMALL_VALUES
    other = small()
    report = other.load_weights(tmp_path / "a.weights")
    assert (report.num_layers, report.num_values, other.images_seen) == (6, SMALL_VALUES, 123)
    other.save_weights(tmp_path / "b.weights")
    assert (tmp_path / "a.weights").read_bytes() == (tmp_path / "b.weights").read_bytes()


def test_partial_weights_fill_the_leading_layers(tmp_path: Path) -> None:
    model = randomized(small())
    model.save_weights(tmp_path / "a.weights", cutoff=1)
    other = small()
    before = other.layers[1].conv.weight.clone()  # type: ignore[union-attr, operator]
    assert other.load_weights(tmp_path / "a.weights").num_layers == 1
    assert torch.equal(other.layers[0].conv.weight, model.layers[0].conv.weight)  # type: ignore[union-attr, arg-type]
    assert torch.equal(other.layers[1].conv.weight, before)  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (SMALL_VALUES + 1, f"1 values are left over after the {SMALL_VALUES} of small.cfg"),
        (SMALL_VALUES - 1, "layer 4 of small.cfg needs 90 values, 89 are left"),
        (3, "layer 0 of small.cfg needs 124 values, 3 are left"),
    ],
)
def test_weights_of_another_size_change_nothing(tmp_path: Path, values: int, message: str) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(bytes([0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0]) + bytes(8 + 4 * values))
    model = small()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        model.load_weights(path)
    assert message in str(caught.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_with_classes_edits_heads_and_the_layers_before_them() -> None:
    model = Darknet(with_classes(plan(CfgFile.parse(SMALL)), 5))
    assert model.num_classes == 5
    assert [raw.shape[1] for raw in model(torch.rand(1, 3, 32, 32))] == [30, 30]


def test_with_classes_needs_a_head() -> None:
    with pytest.raises(CfgError, match="no detection head"):
        with_classes(plan(CfgFile.parse("[net]\nwidth=8\nheight=8\n[maxpool]\n")), 3)


@pytest.mark.parametrize("name", ["yolov3", "yolov3-tiny", "yolov3-spp", "yolov4-tiny", "yolov4"])
def test_shipped_networks_build(name: str) -> None:
    assert name in shipped_names("cfg", ".cfg")
    with torch.device("meta"):
        model = Darknet.from_cfg(name)
        outputs = model(torch.rand(1, 3, 416, 416))
    assert {raw.shape[1] for raw in outputs} == {255}


def test_a_layer_too_large_to_build_is_an_error_with_its_line() -> None:
    cfg = CfgFile.parse("[net]\nwidth=32\nheight=32\n[conv]\nfilters=2147483647\nsize=2147483647\npad=1\n", "a.cfg")
    with pytest.raises(CfgError, match=r"a.cfg:4: \[conv\] on 32 x 32 x 3 is too large to be built"):
        Darknet.from_cfg(cfg)
