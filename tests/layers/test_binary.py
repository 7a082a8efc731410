from __future__ import annotations

import pytest
import torch

from yolo.layers.binary import BinaryConv2d, sign


def test_sign_of_zero_and_its_gradient() -> None:
    x = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    y = sign(x)
    assert y.tolist() == [-1, -1, 1]
    (gradient,) = torch.autograd.grad(y @ torch.tensor([1.0, 2.0, 3.0]), x)
    assert gradient.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("binary_input", "expected"),
    [
        (False, [2 * (0 + 2 + 4), 2 * (2 - 4 - 0)]),  # weights 2, 2, -2: signs times the mean magnitude
        (True, [2 * (-1 + 1 + 1), 2 * (1 - 1 + 1)]),  # signs 1, -1 padded with -1
    ],
)
def test_binary_convolution(binary_input: bool, expected: list[float]) -> None:
    conv = BinaryConv2d(1, 1, (1, 3), padding=(0, 1), bias=False, binary_input=binary_input)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[[1.0, 3.0, -2.0]]]]))
        out = conv(torch.tensor([[[[2.0, -4.0]]]]))
    assert out.flatten().tolist() == expected
