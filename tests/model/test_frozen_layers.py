from __future__ import annotations

import pytest
import torch

from yolo import Darknet
from yolo.engine.optimizer import build_optimizer
from yolo.errors import SettingsError
from yolo.model.frozen_layers import backbone_end, format_trained, frozen_layers


def network(name: str) -> Darknet:
    with torch.device("meta"):
        return Darknet.from_cfg(name)


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("yolov3", 74),  # the last residual block; five convolutions with fewer filters follow
        ("yolov3-tiny", 12),
        ("yolov3-spp", 74),
        ("yolov4", 104),  # closes the last CSP block
        ("yolov4-tiny", 26),
        ("yolov4-csp", 98),
        ("yolov7", 57),  # closes the last ELAN block; SPPCSPC follows, of the same width
        ("yolov7-tiny", 32),  # the narrower convolution after a concatenation belongs to the block
        ("enet", 134),  # squeeze-and-excitation gates are part of the backbone
        ("darknet53", 74),
        ("shapes", 9),
    ],
)
def test_last_layer_of_the_backbone(name: str, end: int) -> None:
    assert backbone_end(network(name).nodes) == end


@pytest.mark.parametrize(
    ("freeze", "layers"),
    [("", []), ("1", [0]), ("3", [0, 1, 2]), ("2-4", [2, 3, 4]), ("5-5", [5]), ("backbone", list(range(13)))],
)
def test_frozen_layers_of_a_setting(freeze: str, layers: list[int]) -> None:
    assert list(frozen_layers(network("yolov3-tiny"), freeze, all_but_outputs=False)) == layers


def test_freeze_layers_keeps_only_the_layers_before_heads_trainable() -> None:
    frozen = frozen_layers(network("yolov3-tiny"), "", all_but_outputs=True)
    assert set(range(24)) - set(frozen) == {15, 22}


@pytest.mark.parametrize("freeze", ["0", "25", "4-2", "3-24", "-1", "heads", "0-23", "1.5"])
def test_invalid_layer_ranges_are_errors(freeze: str) -> None:
    with pytest.raises(SettingsError, match=rf"--freeze {freeze}: .*use a number of layers 1..23"):
        frozen_layers(network("yolov3-tiny"), freeze, all_but_outputs=False)


def test_line_of_trainable_layers_and_parameters() -> None:
    model = network("yolov3-tiny")
    groups = build_optimizer(model, "sgd", lr=1, momentum=0.9, weight_decay=0).param_groups
    line = format_trained(model, range(22), groups, "1-5")
    assert (
        line
        == "trained in epochs 1-5: layers 1 of 13, biases 255 of 3,694, weights 65,280 of 8,845,488, norms 0 of 3,184"
    )
