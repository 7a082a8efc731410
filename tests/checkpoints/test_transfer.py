from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from tests.model.test_network import SMALL, randomized, small
from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.checkpoints.transfer import load_whole, transfer
from yolo.darknet.cfg_file import CfgFile
from yolo.errors import WeightsError
from yolo.model.graph import plan, with_classes
from yolo.model.network import Darknet

HEADS = ["layers.1.conv.bias", "layers.1.conv.weight", "layers.4.conv.bias", "layers.4.conv.weight"]


def three_classes() -> Darknet:
    return Darknet(with_classes(plan(CfgFile.parse(SMALL, "small.cfg")), 3))


def test_weights_for_another_number_of_classes_keep_the_new_heads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = randomized(small())
    source.images_seen = 9
    source.save_weights(tmp_path / "a.weights")
    model = three_classes()
    heads_before = {name: model.state_dict()[name].clone() for name in HEADS}
    report = transfer(model, tmp_path / "a.weights", source.graph)
    assert sorted(mismatch.split(":")[0] for mismatch in report.mismatched) == HEADS
    assert len(report.loaded) == 5  # convolution, scale, bias, mean, variance of layer 0
    assert model.images_seen == 9
    state = model.state_dict()
    assert torch.equal(state["layers.0.bn.running_var"], source.state_dict()["layers.0.bn.running_var"])
    assert all(torch.equal(state[name], heads_before[name]) for name in HEADS)
    with caplog.at_level(logging.INFO):
        report.log()
    assert "layers.1.conv.weight: (18, 4, 1, 1) in the file, (24, 4, 1, 1) in the network" in caplog.text


def test_weights_of_the_adapted_network_load_completely(tmp_path: Path) -> None:
    source = randomized(three_classes())
    source.save_weights(tmp_path / "a.weights")
    report = transfer(three_classes(), tmp_path / "a.weights", small().graph)
    assert (len(report.loaded), report.mismatched, report.missing) == (9, (), ())


def test_partial_weights_report_the_first_missing_tensor(tmp_path: Path) -> None:
    randomized(small()).save_weights(tmp_path / "a.conv.1", cutoff=1)
    report = transfer(three_classes(), tmp_path / "a.conv.1", small().graph)
    assert len(report.loaded) == 5
    assert report.missing[0] == "layers.1.conv.weight"


def test_a_complete_load_rejects_partial_weights(tmp_path: Path) -> None:
    randomized(small()).save_weights(tmp_path / "a.conv.1", cutoff=1)
    with pytest.raises(
        WeightsError, match=r"4 tensors of small\.cfg are not in it, the first: layers\.1\.conv\.weight"
    ):
        load_whole(small(), tmp_path / "a.conv.1")
    load_whole(small(), tmp_path / "a.conv.1", num_layers=1)


def test_averaged_weights_are_loaded_unless_raw_ones_are_wanted(tmp_path: Path) -> None:
    raw, averaged = randomized(small()), randomized(small())
    ema = {"model": averaged.state_dict(), "updates": 1}
    save_checkpoint(tmp_path / "a.pt", {"model": raw.state_dict(), "ema": ema, "state": {"images_seen": 5}})
    for wanted, source in [(True, averaged), (False, raw)]:
        model = small()
        transfer(model, tmp_path / "a.pt", model.graph, averaged=wanted)
        assert model.images_seen == 5
        assert torch.equal(model.state_dict()["layers.1.conv.bias"], source.state_dict()["layers.1.conv.bias"])


def with_old_names(model: Darknet) -> dict[str, torch.Tensor]:
    """Return a state dict with the names of the trainers of 2019."""
    renamed = {
        name.replace("layers", "module_list").replace("conv", "Conv2d").replace("bn", "BatchNorm2d"): tensor
        for name, tensor in model.state_dict().items()
    }
    return {**renamed, "module_list.0.activation.weight": torch.zeros(1)}


@pytest.mark.parametrize("bare", [False, True])
def test_state_dicts_of_older_trainers_load(bare: bool, tmp_path: Path) -> None:
    source, model = randomized(small()), small()
    old = with_old_names(source)
    save_checkpoint(tmp_path / "old.pt", old if bare else {"epoch": 3, "model": old, "optimizer": None})
    load_whole(model, tmp_path / "old.pt")
    image = torch.rand(1, 3, 32, 32)
    for expected, found in zip(source.eval()(image), model.eval()(image), strict=True):
        assert torch.equal(expected, found)


def test_old_half_precision_weights_become_floats(tmp_path: Path) -> None:
    source, model = randomized(small()), small()
    save_checkpoint(tmp_path / "old.pt", {"model": with_old_names(source.half())})
    load_whole(model, tmp_path / "old.pt")
    assert model.state_dict()["layers.1.conv.bias"].dtype == torch.float32
    assert torch.equal(model.state_dict()["layers.1.conv.bias"], source.state_dict()["layers.1.conv.bias"].float())


def test_a_file_without_a_fitting_tensor_is_an_error(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"model": {"other": torch.zeros(1)}})
    with pytest.raises(WeightsError, match=r"none of its 1 tensors fits small\.cfg"):
        transfer(small(), tmp_path / "a.pt", small().graph)


@pytest.mark.parametrize("suffix", [".weights", ".pt"])
def test_weights_that_are_not_finite_are_refused_with_their_layers(tmp_path: Path, suffix: str) -> None:
    source = randomized(small())
    state = source.state_dict()
    state["layers.0.conv.weight"][0, 0, 0, :2] = torch.tensor([float("nan"), float("inf")])
    state["layers.1.conv.bias"][0] = float("nan")
    path = tmp_path / f"a{suffix}"
    if suffix == ".pt":
        save_checkpoint(path, {"model": state})
    else:
        source.save_weights(path)
    with pytest.raises(WeightsError, match="3 values of layer 0, layer 1 are NaN or infinite: the file is damaged"):
        load_whole(small(), path)
