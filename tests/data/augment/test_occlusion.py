import numpy as np
import pytest

from tests.data.painting import paint
from yolo.data.augment.occlusion import cutout, hidden_fraction


@pytest.mark.parametrize(
    ("box", "fraction"),
    [
        ((0, 0, 10, 10), 0.25),
        ((0, 0, 5, 5), 1.0),
        ((5, 5, 20, 20), 0.0),
        ((4.6, 0.4, 20, 4.9), 0.0),  # to whole pixels: 5, 0, 20, 5
        ((3, 3, 7, 7), 0.25),
        ((0, 0, 20, 20), 25 / 400),
        ((3, 3, 3, 3), 0.0),  # empty
    ],
)
def test_hidden_fraction(box: tuple[float, ...], fraction: float) -> None:
    hidden = np.zeros((20, 20), np.uint8)
    hidden[:5, :5] = 1
    assert hidden_fraction(hidden, np.array([box], np.float32)).tolist() == [fraction]


def test_a_box_stays_as_long_as_two_fifths_of_it_are_seen() -> None:
    boxes = [(x, y, x + 14, y + 14) for x in range(0, 90, 30) for y in range(0, 60, 30)]
    image = paint((90, 60), boxes)
    dropped = 0
    for seed in range(300):
        cut = cutout(image, np.random.default_rng(seed))
        grey = (cut.image == 114).all(axis=2)
        assert np.array_equal(cut.image[~grey], image.image[~grey])
        for class_id, (x1, y1, x2, y2) in enumerate(boxes):
            seen = not grey[y1:y2, x1:x2].mean() > 0.6
            assert seen == (class_id in cut.class_ids), (seed, class_id)
            dropped += not seen
    assert dropped > 20
    assert (image.image != 114).any(axis=2).all()  # the image given is as it was


def test_no_boxes() -> None:
    assert cutout(paint((90, 60), []), np.random.default_rng(0)).boxes_xyxy.shape == (0, 4)
