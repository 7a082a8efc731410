from __future__ import annotations

import pytest
import torch

from yolo.devices import fast_layout
from yolo.inference.detector import to_input

CPU = torch.device("cpu")


def test_pixels_become_fractions() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 6)
    found = to_input(images, CPU)
    assert found.shape == (1, 3, 4, 6)
    assert found.is_contiguous(memory_format=fast_layout(CPU))
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor([0, 0.2, 1]))
    assert torch.equal(to_input(images, CPU, (4, 6)), found)


def test_one_thread_of_a_cpu_has_channels_first() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert fast_layout(CPU) == torch.contiguous_format
        assert fast_layout(torch.device("cuda")) == torch.channels_last
        torch.set_num_threads(2)
        assert fast_layout(CPU) == torch.channels_last
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("size", [(2, 4), (8, 16)])
def test_resizing_keeps_means_and_sides_in_place(size: tuple[int, int]) -> None:
    images = torch.zeros(1, 3, 4, 8, dtype=torch.uint8)
    images[..., 4:] = 200  # the right half
    found = to_input(images, CPU, size)
    assert found.shape == (1, 3, *size)
    assert found.mean().item() == pytest.approx(100 / 255, abs=1e-6)
    assert found[..., 0].mean().item() == pytest.approx(0, abs=0.02)
    assert found[..., -1].mean().item() == pytest.approx(200 / 255, abs=0.02)


def test_shrinking_averages() -> None:
    stripes = (torch.arange(16) % 4 == 0).to(torch.uint8) * 255  # thin ones, between the points of plain sampling
    found = to_input(stripes.expand(1, 3, 16, 16), CPU, (4, 4))
    assert found.mean().item() == pytest.approx(0.25, abs=0.02)
