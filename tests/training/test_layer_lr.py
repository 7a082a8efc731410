"""Test layer-wise training keys by the parameters that change in two steps of a small network."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from yolo.darknet.cfg_file import CfgFile
from yolo.engine.optimizer import ParamSchedule, build_optimizer, drop_frozen_grads
from yolo.model.network import Darknet
from yolo.training.layer_lr import layer_schedules, log_layer_schedules, param_schedules

BLOCK = "[convolutional]\nbatch_normalize=1\nfilters=2\nsize=1\nactivation=linear\n"


def network(folder: Path, *keys: str, burn_in: int = 2) -> Darknet:
    """Build a network with one convolution for each text of keys."""
    cfg = folder / "a.cfg"
    cfg.write_text(f"[net]\nwidth=4\nheight=4\nburn_in={burn_in}\n" + "".join(f"{BLOCK}{key}\n" for key in keys))
    torch.manual_seed(0)
    return Darknet.from_cfg(CfgFile.read(cfg))


def changed_layers(model: Darknet) -> list[list[int]]:
    """Return the layers whose parameters change in each of two steps; one batch of [net] is one epoch."""
    schedules = param_schedules(model, lambda batches: batches)
    optimizer = build_optimizer(model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.1, schedules=schedules)
    changed = []
    for step in range(2):
        before = [[p.detach().clone() for p in layer.parameters()] for layer in model.layers]
        (out,) = model(torch.rand(2, 3, 4, 4))
        (out - 1).square().sum().backward()
        drop_frozen_grads(optimizer, step)
        optimizer.step()
        optimizer.zero_grad()
        changed.append(
            [
                index
                for index, layer in enumerate(model.layers)
                if any(not torch.equal(a, b) for a, b in zip(before[index], layer.parameters(), strict=True))
            ]
        )
    return changed


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("", "", ""), [[0, 1, 2], [0, 1, 2]]),
        (("", "dont_update=1", ""), [[0, 2], [0, 1, 2]]),  # a number of batches, not a switch
        (("", "dont_update=2", ""), [[0, 2], [0, 2]]),
        (("", "burnin_update=1", ""), [[0, 2], [0, 1, 2]]),  # not before the last batch of burn_in=2
        (("", "burnin_update=2", ""), [[0, 2], [0, 2]]),
        (("", "stopbackward=1", ""), [[2], [2]]),  # this layer and all before it, permanently
        (("", "stopbackward=2", ""), [[2], [2]]),  # for two batches
        (("stopbackward=1", "stopbackward=2", ""), [[2], [2]]),
        (("", "train_only_bn=1", ""), [[0, 2], [0, 2]]),
        (("", "onlyforward=1", ""), [[2], [2]]),  # no gradient passes
        (("", "learning_rate=0", ""), [[0, 2], [0, 2]]),
    ],
)
def test_layers_that_learn(tmp_path: Path, keys: tuple[str, ...], expected: list[list[int]]) -> None:
    assert changed_layers(network(tmp_path, *keys)) == expected


def test_learning_rate_key_multiplies_the_learning_rate(tmp_path: Path) -> None:
    plain, half = network(tmp_path, "", ""), network(tmp_path, "", "learning_rate=0.5")
    steps = []
    for model in (plain, half):
        before = [p.detach().clone() for p in model.layers[1].parameters()]
        optimizer = build_optimizer(
            model, "sgd", lr=0.1, momentum=0.9, weight_decay=0, schedules=param_schedules(model, float)
        )
        torch.manual_seed(1)
        model(torch.rand(2, 3, 4, 4))[0].square().sum().backward()
        optimizer.step()
        steps.append([after - b for after, b in zip(model.layers[1].parameters(), before, strict=True)])
    for whole, part in zip(*steps, strict=True):
        torch.testing.assert_close(part, whole / 2)


def test_train_only_bn_still_updates_running_statistics(tmp_path: Path) -> None:
    model = network(tmp_path, "train_only_bn=1", "")
    changed_layers(model)
    norm = model.get_submodule("layers.0.bn")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_mean.abs().sum() > 0


def test_layer_schedules_are_in_epochs_of_the_run(tmp_path: Path) -> None:
    model = network(tmp_path, "learning_rate=0.5", "stopbackward=900", "burnin_update=3", burn_in=1000)
    assert layer_schedules(model, lambda batches: batches / 1000) == [
        ParamSchedule(lr_factor=0.5, start=0.9),
        ParamSchedule(start=0.9),
        ParamSchedule(start=2.999),
    ]


def test_shared_parameters_follow_the_schedule_of_their_owner(tmp_path: Path) -> None:
    model = network(tmp_path, "", "learning_rate=0.5", "share_index=1\nlearning_rate=0.1", "dont_update=5")
    schedules = param_schedules(model, float)
    shared = model.get_parameter("layers.1.conv.weight")
    assert shared is model.get_parameter("layers.2.conv.weight")
    assert schedules[shared] == ParamSchedule(lr_factor=0.5)
    assert model.get_parameter("layers.0.conv.weight") not in schedules


def test_waiting_layers_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = network(tmp_path, "", "stopbackward=5", "dont_update=2", "", burn_in=0)
    with caplog.at_level(logging.INFO):
        log_layer_schedules(model, [*layer_schedules(model, float)], 3)
        log_layer_schedules(
            model, [ParamSchedule(start=math.inf), ParamSchedule(), ParamSchedule(), ParamSchedule()], 3
        )
    assert [message.partition("a.cfg: ")[2] for message in caplog.messages] == [
        "1 layers (2 to 2) learn from epoch 2 on, as keys like stopbackward and dont_update say",
        "2 layers (0 to 1) do not learn in this run, as keys like stopbackward and dont_update say",
        "1 layers (0 to 0) do not learn in this run, as keys like stopbackward and dont_update say",
    ]
