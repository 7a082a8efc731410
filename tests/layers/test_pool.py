from __future__ import annotations

import pytest

from tests.layers.networks import build_network, ramp


@pytest.mark.parametrize(
    ("keys", "width", "expected"),
    [
        ("size=2\nstride=2", 4, [1, 3]),
        ("size=2\nstride=2", 5, [1, 3, 4]),  # an odd map keeps its last column
        ("size=2\nstride=1", 4, [1, 2, 3, 3]),  # padded to the right only
        ("size=3\nstride=1", 4, [1, 2, 3, 3]),
        ("stride=2", 4, [1, 3]),  # size is the stride
    ],
)
def test_maxpool_row(keys: str, width: int, expected: list[float]) -> None:
    model = build_network(f"[maxpool]\n{keys}\nstride_y=1", width, 1)
    row = ramp(width, 1)
    (out,) = model(row)
    assert out[0, 0, 0].tolist() == expected
    assert tuple(out.shape[1:]) == model.nodes[0].out_shape


def test_maxpool_ignores_padding() -> None:
    (out,) = build_network("[maxpool]\nsize=2\nstride=1")(ramp(4, 4) - 100)
    assert out.max() == 15 - 100
