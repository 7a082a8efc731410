from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from tests.data.painting import index_of, paint
from tests.model.test_network import small
from yolo.config.loss_settings import LossSettings
from yolo.config.optimizer_settings import OptimizerSettings
from yolo.data.index import Index
from yolo.engine.precision import Precision
from yolo.errors import SettingsError
from yolo.inference.detector import to_input
from yolo.model.network import Darknet
from yolo.training import auto_batch_size as module
from yolo.training.auto_batch_size import find_batch_size

CPU = torch.device("cpu")


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return index_of(tmp_path, [paint((20, 20), [(2, 2, 12, 12)]) for _ in range(3)])


def find(index: Index, model: Darknet | None = None) -> int:
    loss, precision = LossSettings(loss="darknet"), Precision("fp32", CPU)
    return find_batch_size(
        model or small(), loss, OptimizerSettings(optimizer="sgd"), precision, device=CPU, side=32, index=index
    )


def test_the_size_is_capped_by_the_split_and_logged(index: Index, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "yolo")
    assert find(index) == 3
    assert "--batch-size auto: 3 (one image takes " in caplog.text


def test_the_model_and_the_generators_are_unchanged(index: Index) -> None:
    model = small().eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    find(index, model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_trial_images_have_the_training_size(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def try_two_images(step: object, free: int, upper_bound: int) -> tuple[int, str]:
        assert callable(step)
        step(2)
        return 2, ""

    def recorded(images: torch.Tensor, device: torch.device) -> torch.Tensor:
        shapes.append(tuple(images.shape))
        return to_input(images, device)

    monkeypatch.setattr(module, "largest_on_cpu", try_two_images)
    monkeypatch.setattr(module, "to_input", recorded)
    find(index)
    assert shapes == [(2, 3, 32, 32)]


def test_an_error_if_not_one_image_fits(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: 0)
    monkeypatch.setattr("yolo.engine.batch_size_search.peak_of", lambda step, size: 2**40 * size)
    with pytest.raises(SettingsError, match="--batch-size auto: not one image of 32 px fits on cpu; use a smaller"):
        find(index)
