from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from yolo.engine.ema import ModelEma
from yolo.engine.freeze import Freeze
from yolo.engine.optimizer import build_optimizer


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1), nn.BatchNorm1d(1))


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed_modules(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Return the numbers of the modules with a tensor that differs in any bit."""
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_frozen_layers_keep_every_bit_until_they_thaw(optimizer: str) -> None:
    net = model()
    ema = ModelEma(net, warm_up=1)
    updates = build_optimizer(net, optimizer, lr=0.1, momentum=0.9, weight_decay=0.5)
    freeze = Freeze([net[0], net[1]], epochs=2)
    must_wrap, changes = [], []
    for epoch in range(4):
        before, averaged = state(net), state(ema.model)
        must_wrap.append(freeze.apply(net, epoch))
        for _ in range(3):
            net(torch.rand(5, 3)).square().mean().backward()
            updates.step()
            updates.zero_grad()
            ema.update(net)
        changes.append((changed_modules(before, state(net)), changed_modules(averaged, state(ema.model))))
    late, everything = {"3", "4"}, {"0", "1", "3", "4"}
    assert changes == [(late, late)] * 2 + [(everything, everything)] * 2
    assert must_wrap == [True, False, True, False]  # DistributedDataParallel must wrap the model again


def test_freezing_after_steps_discards_gradients_and_momentum() -> None:
    net = model()
    updates = build_optimizer(net, "sgd", lr=0.1, momentum=0.9, weight_decay=0.5)
    (net(torch.rand(5, 3)) - torch.rand(5, 1)).square().sum().backward()
    updates.step()  # leaves gradients, and momentum in the optimizer
    assert Freeze([net[0]]).apply(net, 0)
    before = state(net)
    updates.step()
    assert changed_modules(before, state(net)) == {"1", "3", "4"}


def test_normalisation_stays_frozen_every_epoch_and_thaws() -> None:
    net = model()
    freeze = Freeze([net[1]], epochs=5)
    for epoch in range(5):
        freeze.apply(net, epoch)
        assert (net[1].training, net[4].training) == (False, True)
    freeze.apply(net, 5)
    assert net[1].training


def test_freezing_depends_only_on_the_epoch() -> None:
    net = model()
    assert not Freeze([net[0]], epochs=2).apply(net, 3)
    assert net[0].weight.requires_grad
    Freeze([net[0]], epochs=2).apply(net, 1)
    assert not net[0].weight.requires_grad


def test_parameters_that_never_trained_do_not_thaw() -> None:
    net = model()
    net[0].bias.requires_grad_(False)
    freeze = Freeze([net[0]], epochs=1)
    assert [freeze.apply(net, 0), freeze.apply(net, 1)] == [True, True]
    assert (net[0].bias.requires_grad, net[0].weight.requires_grad) == (False, True)


def test_without_frozen_layers_every_module_trains() -> None:
    net = model().eval()
    assert not Freeze().apply(net, 0)
    assert all(module.training for module in net.modules())


def test_no_backward_pass_before_the_first_trained_layer() -> None:
    net = model()
    Freeze([net[0], net[1]]).apply(net, 0)
    assert not net[:3](torch.rand(5, 3)).requires_grad
    assert net(torch.rand(5, 3)).requires_grad
