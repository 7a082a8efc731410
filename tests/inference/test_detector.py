from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.spots import BLUE, RED, paint, spot_model
from yolo.boxes.nms import NmsSettings
from yolo.devices import fast_memory_format
from yolo.inference.detector import Detector, letterbox_batch, to_input

CPU = torch.device("cpu")


def test_pixels_are_scaled_to_0_1() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 6)
    inputs = to_input(images, CPU)
    assert inputs.shape == (1, 3, 4, 6)
    assert inputs.is_contiguous(memory_format=fast_memory_format(CPU))
    torch.testing.assert_close(inputs[0, :, 0, 0], torch.tensor([0, 0.2, 1]))
    assert torch.equal(to_input(images, CPU, (4, 6)), inputs)


@pytest.mark.parametrize("size", [(2, 4), (8, 16)])
def test_resizing_keeps_means_and_positions(size: tuple[int, int]) -> None:
    images = torch.zeros(1, 3, 4, 8, dtype=torch.uint8)
    images[..., 4:] = 200  # the right half
    inputs = to_input(images, CPU, size)
    assert inputs.shape == (1, 3, *size)
    assert inputs.mean().item() == pytest.approx(100 / 255, abs=1e-6)
    assert inputs[..., 0].mean().item() == pytest.approx(0, abs=0.02)
    assert inputs[..., -1].mean().item() == pytest.approx(200 / 255, abs=0.02)


def test_shrinking_averages_pixels() -> None:
    stripes = (torch.arange(16) % 4 == 0).to(torch.uint8) * 255  # thin: sampling without averaging would miss them
    inputs = to_input(stripes.expand(1, 3, 16, 16), CPU, (4, 4))
    assert inputs.mean().item() == pytest.approx(0.25, abs=0.02)


def test_letterbox_batch_centres_images_on_grey() -> None:
    batch = letterbox_batch([np.full((16, 32, 3), 200, np.uint8)], (64, 64))
    assert batch.images.shape == (1, 3, 64, 64)
    assert batch.images[0, 0, :, 0].tolist() == [114] * 16 + [200] * 32 + [114] * 16
    assert batch.letterboxes == ((2, 2, 0, 16, 32, 16),)


def test_detector_returns_boxes_in_pixels_of_each_image() -> None:
    red, blue = paint((64, 64), [(8, 16, RED)]), paint((64, 32), [(40, 8, BLUE)])
    detector = Detector(spot_model(), NmsSettings(score_threshold=0.25, iou_threshold=0.45))
    first, second = detector(letterbox_batch([red, blue], (64, 64)))
    assert (first.xyxy.tolist(), first.class_id.tolist()) == ([[8, 16, 16, 24]], [RED])
    assert (second.xyxy.tolist(), second.class_id.tolist()) == ([[40, 8, 48, 16]], [BLUE])


def test_detector_suppresses_by_its_nms_settings() -> None:
    batch = letterbox_batch([paint((64, 64), [(8, 16, RED), (40, 8, BLUE)])], (64, 64))
    settings = NmsSettings(score_threshold=0.25, iou_threshold=0.45, classes=[BLUE])
    (found,) = Detector(spot_model(), settings)(batch)
    assert found.class_id.tolist() == [BLUE]
