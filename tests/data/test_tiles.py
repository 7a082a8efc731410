from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo.config.tile_settings import TileSettings
from yolo.data.tiles import TileGrid, choose_tiles


def test_split() -> None:
    # 160 wide: starts 0, 48, 96; the whole image comes first.
    assert TileGrid(64, 0.25).split((160, 64)) == [
        (0, 0, 160, 64),
        (0, 0, 64, 64),
        (48, 0, 112, 64),
        (96, 0, 160, 64),
    ]
    assert TileGrid(64, 0.25).split((64, 50)) == [(0, 0, 64, 50)]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 900), st.integers(1, 900), st.integers(32, 640), st.sampled_from([0.0, 0.25, 0.5]))
def test_tiles_cover_the_image_and_overlap_enough(width: int, height: int, side: int, overlap: float) -> None:
    found = TileGrid(side, overlap).split((width, height))
    parts = found if len(found) == 1 else found[1:]
    for low, high, length in (("left", "right", width), ("top", "bottom", height)):
        spans = sorted({(getattr(tile, low), getattr(tile, high)) for tile in parts})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(end - start == min(side, length) for start, end in spans)
        steps = np.diff([start for start, _ in spans])
        assert (steps <= np.ceil(side * (1 - overlap))).all()  # rounded to pixels


def test_the_side_of_tiles_is_that_of_the_input_unless_given() -> None:
    assert choose_tiles(TileSettings(), 416) is None
    assert choose_tiles(TileSettings(tile=True), 416) == (416, 0.25)
    assert choose_tiles(TileSettings(tile=True, tile_size=640, tile_overlap=0.5), 416) == (640, 0.5)
