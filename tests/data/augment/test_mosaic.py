import numpy as np
import pytest

from tests.data.painting import assert_boxes_on_pixels, measure, paint
from yolo.data.mosaic import compose, random_mosaic, to_longer_side
from yolo.data.sample import Sample
from yolo.data.transforms import Augment

SIZE = 128
STILL = Augment()
TILES_WH = [(160, 120), (120, 160), (128, 128), (60, 45)]  # wide, high, square, enlarged


def tiles(size: int = SIZE) -> list[Sample]:
    """Four pictures of one object each, 0.3 to 0.7 of both sides; tile i in colour i."""
    painted = []
    for number, (width, height) in enumerate(TILES_WH):
        hidden = [(0, 0, 0, 0)] * number
        x1, y1, x2, y2 = (round(side) for side in (width * 0.3, height * 0.3, width * 0.7, height * 0.7))
        picture = paint((width, height), [*hidden, (x1, y1, x2, y2)])
        single = Sample(picture.image, picture.boxes_xyxy[number:], picture.class_ids[number:])
        painted.append(to_longer_side(single, size))
    return painted


def test_the_longer_side_fits() -> None:
    assert [t.image.shape[:2] for t in tiles()] == [(96, 128), (128, 96), (128, 128), (96, 128)]
    for tile in tiles():
        assert_boxes_on_pixels(tile, tolerance=1.01)


def test_each_tile_has_a_corner_at_the_centre() -> None:
    canvas = compose(tiles(), (100, 120), 256, 0)
    x, y = 100, 120
    # Black tiles on grey; sizes as above: 128x96, 96x128, 128x128, 128x96.
    extents = [(0, 24, 100, 120), (100, 0, 196, 120), (0, 120, 100, 248), (100, 120, 228, 216)]
    grey = np.ones((256, 256), np.bool_)
    for x1, y1, x2, y2 in extents:
        assert not (canvas.image[y1:y2, x1:x2] == 114).all(axis=2).any()
        grey[y1:y2, x1:x2] = False
    assert (canvas.image[grey] == 114).all()
    assert canvas.image[y - 1, x - 1].tolist() == [0, 0, 0]


def test_the_window_without_motion_is_the_middle_of_the_canvas() -> None:
    whole = compose(tiles(), (90, 150), 2 * SIZE, 0)
    part = compose(tiles(), (90 - 64, 150 - 64), SIZE, 64)
    assert np.array_equal(part.image, whole.image[64:192, 64:192])
    assert np.array_equal(part.boxes_xyxy + 64, whole.boxes_xyxy)


@pytest.mark.parametrize(
    "augment",
    [
        STILL,
        Augment(degrees=10, shear=5, scale=0.3, translate=0.1),
    ],
)
@pytest.mark.parametrize("size", [128, 127])
def test_boxes_lie_on_the_pixels(augment: Augment, size: int) -> None:
    num_whole = 0
    for seed in range(12):
        sample = random_mosaic(tiles(size), size, np.random.default_rng(seed), augment)
        assert sample.image.shape == (size, size, 3)
        assert (sample.boxes_xyxy >= 0).all()
        assert (sample.boxes_xyxy <= size).all()
        inside = (sample.boxes_xyxy > 0).all(axis=1) & (sample.boxes_xyxy < size).all(axis=1)
        # Without rotation a cut rectangle is a rectangle: then boxes at the border must fit as well.
        check = inside | (augment == STILL)
        boxes = Sample(sample.image, sample.boxes_xyxy[check], sample.class_ids[check])
        assert_boxes_on_pixels(boxes, tolerance=1.5)
        num_whole += int(inside.sum())
    assert num_whole >= 6


def test_what_is_seen_has_a_box_unless_the_rule_drops_it() -> None:
    for seed in range(12):
        sample = random_mosaic(tiles(), SIZE, np.random.default_rng(seed), STILL)
        for class_id in set(range(4)) - set(sample.class_ids.tolist()):
            seen = measure(sample.image, class_id)
            full = tiles()[class_id].boxes_xyxy[0]
            area = 0 if seen is None else (seen[2] - seen[0]) * (seen[3] - seen[1])
            tiny = seen is None or min(seen[2] - seen[0], seen[3] - seen[1]) <= 6
            assert tiny or area < 0.25 * (full[2] - full[0]) * (full[3] - full[1])


def test_the_centre_is_uniform_in_the_middle_half() -> None:
    black = paint((SIZE, SIZE), [])
    white = Sample(np.full_like(black.image, 255), black.boxes_xyxy, black.class_ids)
    widths = []
    for seed in range(400):
        four = [white, black, black, black]
        sample = random_mosaic(four, SIZE, np.random.default_rng(seed), STILL)
        box = np.nonzero((sample.image == 255).all(axis=2))
        widths.append(0 if len(box[1]) == 0 else box[1].max() + 1)
    # Uniform over 0..128: deciles hold 40 of 400, give or take four standard deviations of 6.
    counts, _ = np.histogram(widths, bins=10, range=(0, SIZE))
    assert counts.min() >= 16
    assert counts.max() <= 64


def test_pictures_without_boxes_are_tiles_too() -> None:
    empty = to_longer_side(paint((50, 40), []), SIZE)
    sample = random_mosaic([empty] * 4, SIZE, np.random.default_rng(0), STILL)
    assert sample.boxes_xyxy.shape == (0, 4)
    assert sample.class_ids.shape == (0,)
    assert sample.image.min() == 0


def test_many_boxes_stay() -> None:
    boxes = np.array([(x, y, x + 6, y + 6) for x in range(0, 200, 8) for y in range(0, 320, 8)], np.float32)
    crowded = Sample(np.zeros((320, 200, 3), np.uint8), boxes, np.zeros(len(boxes), np.int64))
    assert len(boxes) == 1000
    canvas = compose([crowded] * 4, (320, 320), 640, 0)
    assert len(canvas.boxes_xyxy) == 4000
