"""Test which tensors a `.weights` file fills."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.layers.networks import build_network
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.weights_file import WeightsHeader, write_weights
from yolo.model.network import Darknet

CONV = "[convolutional]\nfilters=2\nsize=3\npad=1\nbatch_normalize=1\nactivation=linear\n"


def build_vector_network(layers: str) -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(f"[net]\ninputs=3\n{layers}", "a.cfg")).eval()


def values(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.arange(1, count + 1, dtype=np.float32)


@pytest.mark.parametrize(
    ("keys", "stored", "bias", "scale"),
    [
        ("", 44, [1, 2], [3, 4]),
        ("dontloadscales=1\n", 38, [1, 2], [1, 1]),  # scales, means and variances are not in the file
        ("dontload=1\n", 0, [0, 0], [1, 1]),
    ],
)
def test_dontload_keys_skip_tensors(
    keys: str, stored: int, bias: list[float], scale: list[float], tmp_path: Path
) -> None:
    model = build_network(CONV + keys + "[batchnorm]\n", channels=2)
    write_weights(tmp_path / "a.weights", WeightsHeader(), [values(stored), values(8)])
    assert model.load_weights(tmp_path / "a.weights").num_values == stored + 8
    bn = model.layers[0].bn
    assert isinstance(bn, torch.nn.BatchNorm2d)
    assert bn.bias.tolist() == bias
    assert bn.weight.tolist() == scale
    assert model.layers[1].running_var.tolist() == [7, 8]  # type: ignore[operator]


@pytest.mark.parametrize(("minor", "first_row"), [(2, [3, 4, 5]), (1002, [3, 5, 7])])
def test_matrices_are_transposed_as_the_header_says(minor: int, first_row: list[float], tmp_path: Path) -> None:
    model = build_vector_network("[connected]\noutput=2\n")
    write_weights(tmp_path / "a.weights", WeightsHeader(minor=minor), [values(8)])
    model.load_weights(tmp_path / "a.weights")
    assert model.layers[0].linear.weight[0].tolist() == first_row  # type: ignore[union-attr, index]
