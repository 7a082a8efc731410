from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest
import torch

from tests.test_model import SMALL, randomized, small
from yolo.darknet.cfg import CfgFile
from yolo.engine.checkpoint import load_checkpoint, save_checkpoint
from yolo.errors import WeightsError
from yolo.model import Darknet, with_classes
from yolo.transfer import checkpoint_weights, initialize_heads, load_whole, transfer

HEADS = ["layers.1.conv.bias", "layers.1.conv.weight", "layers.4.conv.bias", "layers.4.conv.weight"]


def three_classes() -> Darknet:
    return Darknet(with_classes(CfgFile.parse(SMALL, "small.cfg"), 3))


def test_weights_of_another_number_of_classes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = randomized(small())
    source.images_seen = 9
    source.save_weights(tmp_path / "a.weights")
    model = three_classes()
    heads_before = {name: model.state_dict()[name].clone() for name in HEADS}
    done = transfer(model, tmp_path / "a.weights", source.cfg)
    assert sorted(misfit.split(":")[0] for misfit in done.misfits) == HEADS
    assert len(done.loaded) == 5  # convolution, scale, bias, mean, variance of layer 0
    assert model.images_seen == 9
    state = model.state_dict()
    assert torch.equal(state["layers.0.bn.running_var"], source.state_dict()["layers.0.bn.running_var"])
    assert all(torch.equal(state[name], heads_before[name]) for name in HEADS)
    with caplog.at_level(logging.INFO):
        done.log()
    assert "layers.1.conv.weight: (18, 4, 1, 1) in the file, (24, 4, 1, 1) in the network" in caplog.text


def test_weights_of_the_adapted_network_itself(tmp_path: Path) -> None:
    source = randomized(three_classes())
    source.save_weights(tmp_path / "a.weights")
    done = transfer(three_classes(), tmp_path / "a.weights", small().cfg)
    assert (len(done.loaded), done.misfits, done.missing) == (9, (), ())


def test_partial_weights_say_where_they_end(tmp_path: Path) -> None:
    randomized(small()).save_weights(tmp_path / "a.conv.1", cutoff=1)
    done = transfer(three_classes(), tmp_path / "a.conv.1", small().cfg)
    assert len(done.loaded) == 5
    assert done.missing[0] == "layers.1.conv.weight"


def test_a_whole_load_refuses_gaps(tmp_path: Path) -> None:
    randomized(small()).save_weights(tmp_path / "a.conv.1", cutoff=1)
    with pytest.raises(
        WeightsError, match=r"4 tensors of small\.cfg are not in it, the first: layers\.1\.conv\.weight"
    ):
        load_whole(small(), tmp_path / "a.conv.1")


def test_the_averaged_weights_of_a_checkpoint_come_first(tmp_path: Path) -> None:
    raw, averaged = randomized(small()), randomized(small())
    ema = {"model": averaged.state_dict(), "updates": 1}
    save_checkpoint(tmp_path / "a.pt", {"model": raw.state_dict(), "ema": ema, "state": {"images_seen": 5}})
    state, seen = checkpoint_weights(load_checkpoint(tmp_path / "a.pt"))
    assert seen == 5
    assert torch.equal(state["layers.1.conv.bias"], averaged.state_dict()["layers.1.conv.bias"])


def test_nothing_fits(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"model": {"other": torch.zeros(1)}})
    with pytest.raises(WeightsError, match=r"none of its 1 tensors fits small\.cfg"):
        transfer(small(), tmp_path / "a.pt", small().cfg)


def test_untrained_heads_expect_few_objects() -> None:
    model = three_classes()
    initialize_heads(model)
    bias = model.state_dict()["layers.1.conv.bias"].view(3, 8)
    assert bias[:, 4].tolist() == [-4.5] * 3
    assert math.isclose(bias[0, 5].item(), math.log(0.6 / 2.01), rel_tol=1e-6)
