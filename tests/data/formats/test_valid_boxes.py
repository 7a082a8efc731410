from pathlib import Path

import numpy as np
import pytest

from yolo.data.formats.valid_boxes import BoxCleaner
from yolo.data.labels import Labels

INSIDE = (10.0, 10.0, 50.0, 40.0)


@pytest.mark.parametrize(
    ("box", "expected", "warning"),
    [  # image of 100 x 50
        (INSIDE, INSIDE, ""),
        ((-0.00009, 0, 100.00009, 50.00004), (0, 0, 100, 50), ""),  # within 1e-6 of the side: rounding
        ((-0.00011, 0, 100, 50), (0, 0, 100, 50), "clipped"),
        ((0, 0, 100, 50.00006), (0, 0, 100, 50), "clipped"),
        ((90, 10, np.inf, 40), (90, 10, 100, 40), "clipped"),
        ((10, 10, 10, 40), None, "no area"),  # no width
        ((10, 40, 50, 10), None, "no area"),  # upside down
        ((100, 10, 120, 40), None, "no area"),  # outside altogether
        ((-np.inf, 10, -5, 40), None, "no area"),
    ],
)
def test_one_box(box: tuple[float, ...], expected: tuple[float, ...] | None, warning: str) -> None:
    cleaner = BoxCleaner("a.data: split 'train'")
    labels = Labels(Path("a.txt"), (3, 7), np.array([INSIDE, box]), np.array([0, 1]), np.array([False, True]))
    record = cleaner.record(Path("a.jpg"), 100, 50, labels)
    assert record.boxes_xyxy.tolist() == [list(INSIDE), *([list(expected)] if expected else [])]
    assert record.class_ids.tolist() == ([0, 1] if expected else [0])
    assert record.ignore.tolist() == ([False, True] if expected else [False])
    messages = cleaner.messages()
    assert [warning in message for message in messages] == ([True] if warning else [])
    if warning:
        assert messages[0].startswith("a.data: split 'train': 1 of 2 boxes")
        assert messages[0].endswith("the first is a.txt:7")


def test_no_labels_is_no_objects() -> None:
    record = BoxCleaner("x").record(Path("a.jpg"), 100, 50, None)
    assert record.boxes_xyxy.shape == (0, 4)
    assert (record.width, record.height, len(record.class_ids), len(record.ignore)) == (100, 50, 0, 0)


def test_polygons_are_counted() -> None:
    cleaner = BoxCleaner("a.data")
    no_ids, keep = np.zeros(1, np.int64), np.zeros(1, np.bool_)
    for line in (4, 9):
        cleaner.record(
            Path("a.jpg"), 100, 50, Labels(Path("a.txt"), (line,), np.array([INSIDE]), no_ids, keep, (line,))
        )
    assert cleaner.messages() == [
        "a.data: 2 of 2 boxes are polygons; the boxes around them are used; the first is a.txt:4"
    ]
