from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spots import BLUE, RED, paint, spot_model
from yolo.boxes.nms import NmsSettings
from yolo.inference.detector import Detector
from yolo.inference.tiling import Tile, detect_in_tiles, is_truncated, split_into_tiles


def test_split_into_tiles() -> None:
    # 160 wide: starts 0, 48, 96; the whole image comes first.
    assert split_into_tiles((160, 64), 64, 0.25) == [
        (0, 0, 160, 64),
        (0, 0, 64, 64),
        (48, 0, 112, 64),
        (96, 0, 160, 64),
    ]
    assert split_into_tiles((64, 50), 64, 0.25) == [(0, 0, 64, 50)]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 900), st.integers(1, 900), st.integers(32, 640), st.sampled_from([0.0, 0.25, 0.5]))
def test_tiles_cover_the_image_and_overlap_enough(width: int, height: int, side: int, overlap: float) -> None:
    found = split_into_tiles((width, height), side, overlap)
    parts = found if len(found) == 1 else found[1:]
    for low, high, length in (("left", "right", width), ("top", "bottom", height)):
        spans = sorted({(getattr(tile, low), getattr(tile, high)) for tile in parts})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(end - start == min(side, length) for start, end in spans)
        steps = np.diff([start for start, _ in spans])
        assert (steps <= np.ceil(side * (1 - overlap))).all()  # rounded to pixels


def test_every_spot_of_a_large_image_is_found_once_at_its_position() -> None:
    # Some lie across borders of tiles, which are at multiples of 48; they are whole in one to four tiles.
    spots = [(0, 0, RED), (40, 40, RED), (56, 8, RED), (96, 104, BLUE), (312, 200, RED), (632, 632, BLUE)]
    image = paint((640, 640), spots)
    detector = Detector(spot_model(), NmsSettings(score_threshold=0.25, iou_threshold=0.45))
    found = detect_in_tiles(detector, image, side=64, overlap=0.25, batch_size=50)
    rows = sorted((*box, class_id) for box, class_id in zip(found.xyxy.tolist(), found.class_id.tolist(), strict=True))
    assert rows == [(x, y, x + 8, y + 8, c) for x, y, c in sorted(spots)]


def test_small_image_is_one_tile() -> None:
    detector = Detector(spot_model(), NmsSettings(score_threshold=0.25, iou_threshold=0.45))
    found = detect_in_tiles(detector, paint((64, 64), [(8, 16, RED)]), side=64, overlap=0.25, batch_size=8)
    assert found.xyxy.tolist() == [[8, 16, 16, 24]]


@pytest.mark.parametrize(
    ("box", "truncated"),
    [
        ([10, 10, 50, 50], False),  # inside
        ([0, 10, 50, 50], False),  # at the left border, which is also the image's
        ([10, 0, 50, 50], True),  # at the top border, above which the image continues
        ([10, 10, 99.5, 50], True),  # nearly at the right border
        ([10, 10, 50, 100], False),  # at the bottom border, which is also the image's
    ],
)
def test_boxes_that_touch_inner_borders_are_truncated(box: list[float], truncated: bool) -> None:
    assert is_truncated(torch.tensor([box]).float(), Tile(0, 100, 100, 200), (300, 200)).tolist() == [truncated]
