import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.painting import COLOURS, assert_boxes_on_pixels, measure, paint, whole
from yolo.config.augment_settings import AugmentSettings
from yolo.data.augment.mosaic import compose, random_mosaic
from yolo.data.sample import Sample
from yolo.data.transforms import place_boxes, resized_wh, stretch

SIZE = 128
STILL = AugmentSettings()
TILES_WH = [(160, 120), (120, 160), (128, 128), (60, 45)]  # wide, high, square, enlarged


def to_longer_side(sample: Sample, size: int) -> Sample:
    height, width = sample.image.shape[:2]
    image, position = stretch(sample.image, resized_wh((width, height), size))
    return Sample(image, place_boxes(sample.boxes_xyxy, position), sample.class_ids)


def tiles(size: int = SIZE) -> list[Sample]:
    """Four images of one object each, 0.3 to 0.7 of both sides; tile i in colour i."""
    painted = []
    for number, (width, height) in enumerate(TILES_WH):
        hidden = [(0, 0, 0, 0)] * number
        x1, y1, x2, y2 = (round(side) for side in (width * 0.3, height * 0.3, width * 0.7, height * 0.7))
        image = paint((width, height), [*hidden, (x1, y1, x2, y2)])
        single = Sample(image.image, image.boxes_xyxy[number:], image.class_ids[number:])
        painted.append(to_longer_side(single, size))
    return painted


def test_the_longer_side_fits() -> None:
    assert [t.image.shape[:2] for t in tiles()] == [(96, 128), (128, 96), (128, 128), (96, 128)]
    for tile in tiles():
        assert_boxes_on_pixels(tile, tolerance=1.01)


def test_each_tile_has_a_corner_at_the_centre() -> None:
    x, y = 100, 120
    canvas = compose(tiles(), [(x - 128, y - 96), (x, y - 128), (x - 128, y), (x, y)], (0, 0, 256, 256), (256, 256))
    # Black tiles on grey; sizes as above: 128x96, 96x128, 128x128, 128x96.
    extents = [(0, 24, 100, 120), (100, 0, 196, 120), (0, 120, 100, 248), (100, 120, 228, 216)]
    grey = np.ones((256, 256), np.bool_)
    for x1, y1, x2, y2 in extents:
        assert not (canvas.image[y1:y2, x1:x2] == 114).all(axis=2).any()
        grey[y1:y2, x1:x2] = False
    assert (canvas.image[grey] == 114).all()
    assert canvas.image[y - 1, x - 1].tolist() == [0, 0, 0]


def test_a_window_is_a_part_of_the_canvas() -> None:
    corners = [(-40, 54), (90, 22), (-40, 150), (90, 150)]
    canvas = compose(tiles(), corners, (0, 0, 256, 256), (256, 256))
    part = compose(tiles(), corners, (64, 70, 192, 150), (256, 256))
    assert np.array_equal(part.image, canvas.image[70:150, 64:192])
    assert np.array_equal(part.boxes_xyxy, canvas.boxes_xyxy - np.array([64, 70, 64, 70]))
    assert canvas.boxes_xyxy.min() >= 0


@pytest.mark.parametrize(
    "augment",
    [
        STILL,
        AugmentSettings(degrees=10, shear=5, scale=0.3, translate=0.1),
    ],
)
@pytest.mark.parametrize("size", [128, 127])
def test_boxes_lie_on_the_pixels(augment: AugmentSettings, size: int) -> None:
    num_whole = 0
    for seed in range(12):
        sample = random_mosaic(tiles(size), (size, size), np.random.default_rng(seed), augment)
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
        sample = random_mosaic(tiles(), (SIZE, SIZE), np.random.default_rng(seed), STILL)
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
        sample = random_mosaic(four, (SIZE, SIZE), np.random.default_rng(seed), STILL)
        box = np.nonzero((sample.image == 255).all(axis=2))
        widths.append(0 if len(box[1]) == 0 else box[1].max() + 1)
    # Uniform over 0..128: deciles hold 40 of 400, give or take four standard deviations of 6.
    counts, _ = np.histogram(widths, bins=10, range=(0, SIZE))
    assert counts.min() >= 16
    assert counts.max() <= 64


@pytest.mark.parametrize("number", [4, 9])
def test_images_without_boxes_are_tiles_too(number: int) -> None:
    empty = to_longer_side(paint((50, 40), []), SIZE)
    sample = random_mosaic([empty] * number, (SIZE, SIZE), np.random.default_rng(0), STILL)
    assert sample.boxes_xyxy.shape == (0, 4)
    assert sample.class_ids.shape == (0,)
    assert sample.image.min() == 0


def test_many_boxes_stay() -> None:
    boxes = np.array([(x, y, x + 6, y + 6) for x in range(0, 200, 8) for y in range(0, 320, 8)], np.float32)
    crowded = Sample(np.zeros((320, 200, 3), np.uint8), boxes, np.zeros(len(boxes), np.int64))
    assert len(boxes) == 1000
    canvas = compose([crowded] * 4, [(120, 0), (320, 0), (120, 320), (320, 320)], (0, 0, 640, 640), (640, 640))
    assert len(canvas.boxes_xyxy) == 4000


def nine(size: int = SIZE) -> list[Sample]:
    """Nine black images; those at the corners and in the middle have an object of their own colour."""
    painted = []
    for number in range(9):
        width, height = TILES_WH[number % 4]
        image = paint((width, height), [])
        boxes = image.boxes_xyxy
        if number % 2 == 0:
            x1, y1, x2, y2 = (round(side) for side in (width * 0.2, height * 0.3, width * 0.6, height * 0.8))
            image.image[y1:y2, x1:x2] = COLOURS[number // 2]
            boxes = np.array([(x1, y1, x2, y2)], np.float32)
        single = Sample(image.image, boxes, np.full(len(boxes), number // 2))
        painted.append(to_longer_side(single, size))
    return painted


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 8.0]), st.sampled_from([(128, 128), (127, 127), (128, 96)]))
def test_boxes_of_nine_lie_on_the_pixels(seed: int, degrees: float, size_wh: tuple[int, int]) -> None:
    sample = random_mosaic(nine(), size_wh, np.random.default_rng(seed), AugmentSettings(degrees=degrees))
    assert sample.image.shape == (size_wh[1], size_wh[0], 3)
    assert degrees or measure(sample.image, 2) is not None  # the middle one is never out of sight
    assert_boxes_on_pixels(whole(sample) if degrees else sample, tolerance=1.6)


def test_all_nine_are_seen() -> None:
    tile = paint((SIZE, SIZE), [])
    for seed in range(30):
        shades = [Sample(np.full_like(tile.image, 10 * n), tile.boxes_xyxy, tile.class_ids) for n in range(9)]
        sample = random_mosaic(shades, (SIZE, SIZE), np.random.default_rng(seed), STILL)
        assert set(np.unique(sample.image).tolist()) == {10 * n for n in range(9)}  # and no grey between squares


def test_boxes_of_any_class_pass_unchanged() -> None:
    ignored = [Sample(t.image, t.boxes_xyxy, np.full_like(t.class_ids, -1)) for t in tiles()]
    for seed in range(5):
        sample = random_mosaic(ignored, (SIZE, SIZE), np.random.default_rng(seed), AugmentSettings(degrees=5))
        assert len(sample.class_ids) > 0
        assert set(sample.class_ids.tolist()) == {-1}
