from __future__ import annotations

import pytest
import torch

from yolo.data.sample import Batch


def batch(height: int, width: int) -> Batch:
    return Batch(torch.zeros(2, 3, height, width, dtype=torch.uint8), torch.rand(5, 6), (0, 1), ())


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((416, 416), 320, (320, 320)),
        ((416, 416), 416, (416, 416)),
        ((320, 416), 416, (320, 416)),
        ((320, 416), 608, (480, 608)),  # 467.7 to the nearest multiple of 32
        ((416, 320), 224, (224, 160)),  # 172.3
        ((32, 416), 96, (32, 96)),  # never less than a stride
    ],
)
def test_another_size_keeps_the_shape(shape: tuple[int, int], size: int, expected: tuple[int, int]) -> None:
    before = batch(*shape)
    after = before.resized(size, 32)
    assert after.input_size == expected
    assert after.images is before.images  # the device resizes
    assert after.targets is before.targets  # fractions
