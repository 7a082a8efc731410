from __future__ import annotations

import pytest

from yolo.checkpoints.older_trainers import rename_old_keys


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("module_list.0.Conv2d.weight", "layers.0.conv.weight"),
        ("module_list.105.Conv2d.bias", "layers.105.conv.bias"),
        ("module_list.0.BatchNorm2d.weight", "layers.0.bn.weight"),
        ("module_list.0.BatchNorm2d.bias", "layers.0.bn.bias"),
        ("module_list.0.BatchNorm2d.running_mean", "layers.0.bn.running_mean"),
        ("module_list.0.BatchNorm2d.running_var", "layers.0.bn.running_var"),
        ("module_list.0.BatchNorm2d.num_batches_tracked", "layers.0.bn.num_batches_tracked"),
        ("module.module_list.3.Conv2d.weight", "layers.3.conv.weight"),  # saved from a distributed run
    ],
)
def test_old_names_are_renamed(old: str, new: str) -> None:
    assert rename_old_keys({old: 1}) == {new: 1}


def test_tensors_without_counterpart_are_dropped() -> None:
    kept = {"module_list.0.Conv2d.weight": 1}
    assert rename_old_keys({**kept, "module_list.0.activation.weight": 2, "module_list.4.w": 3, "other": 4}) == {
        "layers.0.conv.weight": 1
    }


def test_other_state_dicts_keep_their_names() -> None:
    state = {"layers.0.conv.weight": 1, "other": 2}
    assert rename_old_keys(state) == state
