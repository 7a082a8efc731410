from __future__ import annotations

import pytest
import torch

from yolo.losses.prediction_grid import PredictionGrid


@pytest.mark.parametrize("anchors_first", [False, True])
def test_index_is_row_major_and_inverts(anchors_first: bool) -> None:
    grid = PredictionGrid(rows=3, columns=4, num_anchors=2, anchors_first=anchors_first)
    image, anchor, row, column = torch.meshgrid(*(torch.arange(n) for n in (5, 2, 3, 4)), indexing="ij")
    index = grid.index(image, anchor, row, column)
    order = index if anchors_first else index.permute(0, 2, 3, 1)  # (B, A, H, W) or (B, H, W, A)
    assert order.flatten().tolist() == list(range(5 * 2 * 3 * 4))
    for found, expected in ((grid.image, image), (grid.anchor, anchor), (grid.row, row), (grid.column, column)):
        assert torch.equal(found(index), expected)
    assert torch.equal(grid.corner(index), torch.stack([column, row], dim=-1))


def test_points_outside_are_clamped_to_the_nearest_cell() -> None:
    grid = PredictionGrid(rows=3, columns=4, num_anchors=1)
    row, column = grid.cell_at(torch.tensor([[1.9, 2.1], [-5.0, 3.0], [4.0, -0.1]]))
    assert row.tolist() == [2, 2, 0]
    assert column.tolist() == [1, 0, 3]


def test_size_is_columns_and_rows() -> None:
    size = PredictionGrid(rows=3, columns=4, num_anchors=1).size(torch.zeros(1, dtype=torch.float64))
    assert size.tolist() == [4, 3]
    assert size.dtype == torch.float64
