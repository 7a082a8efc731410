from __future__ import annotations

from torch import nn

from yolo.engine.optimizer import build_optimizer


def test_each_parameter_is_in_one_group() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Conv2d(1, 1, 1), nn.Linear(1, 1))
    model[2].weight = model[0].weight  # a layer that borrows another one's parameters
    optimizer = build_optimizer(model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.01)
    groups = {group["name"]: group for group in optimizer.param_groups}
    assert {name: len(group["params"]) for name, group in groups.items()} == {"biases": 4, "weights": 2, "norms": 1}
    assert [groups[name]["weight_decay"] for name in ("biases", "weights", "norms")] == [0, 0.01, 0]
