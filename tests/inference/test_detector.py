from __future__ import annotations

import pytest
import torch

from yolo.devices import fast_layout
from yolo.inference.detector import to_input

CPU = torch.device("cpu")


def test_pixels_are_scaled_to_0_1() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 6)
    inputs = to_input(images, CPU)
    assert inputs.shape == (1, 3, 4, 6)
    assert inputs.is_contiguous(memory_format=fast_layout(CPU))
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
