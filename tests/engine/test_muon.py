from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from yolo.engine.muon import Muon, as_blocks, orthogonalize
from yolo.engine.optimizer import build_optimizer


@pytest.mark.parametrize("shape", [(1, 8, 72), (3, 72, 8), (2, 16, 16)])
def test_singular_values_become_nearly_one(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(shape)
    singular_values = torch.linalg.svdvals(orthogonalize(matrices))
    assert singular_values.min() > 0.5
    assert singular_values.max() < 1.3
    u, _, vt = torch.linalg.svd(matrices, full_matrices=False)
    cosine = (orthogonalize(matrices) * (u @ vt)).sum() / (u @ vt).norm() / orthogonalize(matrices).norm()
    assert cosine > 0.97


def test_zero_gradients_move_nothing() -> None:
    assert torch.equal(orthogonalize(torch.zeros(2, 3, 4)), torch.zeros(2, 3, 4))


@pytest.mark.parametrize(
    ("shape", "blocks"),
    [
        ((1024, 512, 3, 3), (8, 128, 4608)),
        ((255, 256, 1, 1), (3, 85, 256)),
        ((64, 1, 3, 3), (64, 1, 9)),  # depthwise
        ((10, 20), (1, 10, 20)),
        ((131, 2, 1, 1), (131, 1, 2)),  # a prime number of filters
    ],
)
def test_blocks_of_filters(shape: tuple[int, ...], blocks: tuple[int, ...]) -> None:
    assert as_blocks(torch.zeros(shape)).shape == blocks


def test_a_step_has_the_learning_rate_as_singular_values() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 256, 3, bias=False)
    before = layer.weight.detach().clone()
    optimizer = Muon([{"params": layer.parameters(), "orthogonal": True}], lr=0.1)
    layer.weight.grad = torch.randn_like(layer.weight)
    optimizer.step()
    moved = as_blocks(before - layer.weight.detach()) / 0.1
    scale = (128 / 36) ** 0.5  # blocks of 128 x 36
    assert (moved * as_blocks(layer.weight.grad)).sum() > 0
    singular_values = torch.linalg.svdvals(moved) / scale
    assert singular_values.min() > 0.5
    assert singular_values.max() < 1.3


def test_other_groups_move_as_with_adamw() -> None:
    torch.manual_seed(0)
    bias = nn.Parameter(torch.randn(5))
    reference = nn.Parameter(bias.detach().clone())
    muon = Muon([bias], lr=0.001, betas=(0.9, 0.999), weight_decay=0.01)
    adamw = torch.optim.AdamW([reference], lr=0.001, betas=(0.9, 0.999), weight_decay=0.01)
    for _ in range(5):
        bias.grad = torch.randn(5)
        reference.grad = bias.grad.clone()
        muon.step()
        adamw.step()
    torch.testing.assert_close(bias, reference)


def test_it_learns_and_goes_on_from_its_state() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 1))
    x, y = torch.randn(32, 3, 8, 8), torch.randn(32, 1)

    def build(net: nn.Module) -> Optimizer:
        return build_optimizer(net, "muon", lr=0.05, momentum=0.95, weight_decay=0.0005)

    def train(net: nn.Module, optimizer: Optimizer, steps: int) -> float:
        for _ in range(steps):
            loss = (net(x) - y).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.item())

    optimizer = build(model)
    first = train(model, optimizer, 1)
    assert train(model, optimizer, 100) < 0.1 * first
    twin = copy.deepcopy(model)
    resumed = build(twin)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(model, optimizer, 3)
    train(twin, resumed, 3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))
