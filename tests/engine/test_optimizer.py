from __future__ import annotations

import logging
import math

import pytest
import torch
from torch import nn

from yolo.config.optimizer_settings import Argument
from yolo.engine.optimizer import ParamSchedule, build_optimizer, check_arguments, drop_frozen_grads
from yolo.errors import SettingsError


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Conv2d(1, 1, 1), nn.Linear(1, 1))


def test_each_parameter_is_in_one_group() -> None:
    model = network()
    model[2].weight = model[0].weight  # a layer that shares another one's parameters
    optimizer = build_optimizer(model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.01)
    groups = {group["name"]: group for group in optimizer.param_groups}
    assert {name: len(group["params"]) for name, group in groups.items()} == {"biases": 4, "weights": 2, "norms": 1}
    assert [groups[name]["weight_decay"] for name in ("biases", "weights", "norms")] == [0, 0.01, 0]


def test_muon_updates_the_weights_that_normalisation_follows() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1))
    optimizer = build_optimizer(model, "muon", lr=0.06, momentum=0.9, weight_decay=0.01)
    groups = {group["name"]: group for group in optimizer.param_groups}
    assert {name: group["orthogonal"] for name, group in groups.items()} == {
        "biases": False, "weights": True, "unnormalized weights": False, "norms": False,
    }  # fmt: skip
    assert {name: round(group["lr"], 6) for name, group in groups.items()} == {
        "biases": 0.001, "weights": 0.06, "unnormalized weights": 0.001, "norms": 0.001,
    }  # fmt: skip
    assert [name for name, group in groups.items() if group["weight_decay"]] == ["weights", "unnormalized weights"]


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("sgd", torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
        ("Adam", torch.optim.Adam, {"betas": (0.8, 0.999)}),
        ("adamw", torch.optim.AdamW, {"betas": (0.8, 0.999)}),
        ("RMSprop", torch.optim.RMSprop, {"momentum": 0.8, "alpha": 0.99}),
        ("radam", torch.optim.RAdam, {"betas": (0.8, 0.999)}),
        ("Adagrad", torch.optim.Adagrad, {"lr_decay": 0}),  # has no momentum
    ],
)
def test_any_optimizer_by_name(name: str, kind: type, values: dict[str, object]) -> None:
    optimizer = build_optimizer(network(), name, lr=0.1, momentum=0.8, weight_decay=0.01)
    assert type(optimizer) is kind
    for group in optimizer.param_groups:
        assert {key: group[key] for key in values} == values
        assert group["weight_decay"] == (0.01 if group["name"] == "weights" else 0)


def test_optimizer_args_are_passed_on() -> None:
    optimizer = build_optimizer(
        network(), "sgd", lr=0.1, momentum=0.8, weight_decay=0, arguments={"nesterov": False, "dampening": 0.1}
    )
    assert {(group["nesterov"], group["dampening"]) for group in optimizer.param_groups} == {(False, 0.1)}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("lion", {}, "--optimizer lion: not in torch.optim; use one of ASGD, "),
        ("lbfgs", {}, "--optimizer lbfgs: it computes the loss several times per step; use sgd, adam or adamw"),
        ("optimizer", {}, "--optimizer optimizer: not in torch.optim"),
        ("adam", {"epps": 1e-6}, "--optimizer-args epps 1e-06: Adam takes amsgrad, capturable, "),
        ("sgd", {"momentum": 0.5}, "--optimizer-args momentum 0.5: use the settings lr0, momentum"),
        ("adam", {"eps": -1.0}, "--optimizer Adam: Invalid epsilon value: -1.0; correct --optimizer-args"),
        ("adam", {"capturable": True}, "--optimizer-args capturable True: no step is possible on cpu"),
        ("sgd", {"dampening": 0.5}, "Nesterov momentum requires a momentum and zero dampening"),
    ],
)
def test_unusable_optimizers_and_arguments(name: str, arguments: dict[str, Argument], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_arguments(name, arguments, torch.device("cpu"))
    assert message in str(caught.value)


def test_an_optimizer_without_weight_decay_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        optimizer = build_optimizer(network(), "rprop", lr=0.1, momentum=0.9, weight_decay=0.01)
    assert "--optimizer rprop: does not support weight decay" in caplog.text
    assert not any(group["decay"] for group in optimizer.param_groups)


def test_param_schedules_get_their_own_groups() -> None:
    model = network()
    slow, late, never = (model.get_parameter(f"{path}.weight") for path in (0, 2, 3))
    schedules = {
        slow: ParamSchedule(lr_factor=0.1),
        late: ParamSchedule(start=2.5),
        never: ParamSchedule(start=math.inf),
    }
    optimizer = build_optimizer(model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.01, schedules=schedules)
    groups = {group["name"]: group for group in optimizer.param_groups}
    assert list(groups) == ["biases", "weights x 0.1", "weights from 2.5", "norms"]
    assert groups["weights x 0.1"]["params"][0] is slow
    assert groups["weights from 2.5"]["params"][0] is late
    assert [p.requires_grad for p in (slow, late, never)] == [True, True, False]
    for parameter in (slow, late):
        parameter.grad = torch.ones_like(parameter)
    drop_frozen_grads(optimizer, 2.4)
    assert late.grad is None
    assert slow.grad is not None
    late.grad = torch.ones_like(late)
    drop_frozen_grads(optimizer, 2.5)
    assert late.grad is not None


def test_nothing_to_train_is_an_error() -> None:
    model = nn.Linear(1, 1)
    schedules = {parameter: ParamSchedule(start=math.inf) for parameter in model.parameters()}
    with pytest.raises(SettingsError, match="nothing is left to train"):
        build_optimizer(model, "sgd", lr=0.1, momentum=0.9, weight_decay=0, schedules=schedules)
