from __future__ import annotations

import logging
import math

import pytest
import torch

from yolo.layers.activations import ACTIVATIONS, build_activation


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("linear", -3.0, -3.0),
        ("leaky", -2.0, -0.2),
        ("relie", -2.0, -0.02),
        ("loggy", math.log(3), 0.5),  # 2 * 0.75 - 1
        ("ramp", 2.0, 2.2),
        ("ramp", -2.0, -0.2),
        ("plse", 0.0, 0.5),
        ("plse", 5.0, 1.01),
        ("stair", 2.5, 1.0),  # flat in an even interval
        ("stair", 3.5, 1.5),  # rising in an odd one
        ("lhtan", 0.25, 0.25),
        ("lhtan", 3.0, 1.002),
        ("hard_mish", -1.0, -0.5),
        ("hard_mish", -3.0, 0.0),
        ("selu", 2.0, 2.1014),
        ("gelu", 0.0, 0.0),
    ],
)
def test_activation_by_hand(name: str, x: float, expected: float) -> None:
    assert build_activation(name)(torch.full((1, 1, 1, 1), x)).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name.startswith("normalize_channels")])
def test_normalized_channels_sum_to_one(name: str) -> None:
    y = build_activation(name)(torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1))
    assert y.sum().item() == pytest.approx(1, abs=1e-3)  # 1e-4 is added to the divisor


def test_unknown_activation_is_relu_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        activation = build_activation("warp")
    assert activation(torch.tensor([-1.0, 2.0])).tolist() == [0, 2]
    assert caplog.messages[0].startswith("activation=warp is unknown; relu is used, as Darknet does; known: linear, ")
