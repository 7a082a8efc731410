from collections import Counter

import numpy as np
import pytest

from tests.data.painting import measure, paint, whole
from yolo.config.augment_settings import AugmentSettings
from yolo.data.augment.pipeline import augmented_sample, recolour_and_flip
from yolo.data.sample import Sample
from yolo.data.transforms import letterbox, place_boxes, resize, resized_wh

BOXES = [(10, 8, 60, 30), (70, 40, 90, 75), (5, 50, 45, 78)]
SIZE = 96
COLOURLESS = AugmentSettings(hsv_h=0, hsv_s=0, hsv_v=0, fliplr=0, mosaic=0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Painted:
    """Six images, number i with one object of colour i."""

    def __init__(self) -> None:
        self.asked: Counter[int] = Counter()

    def __len__(self) -> int:
        return 6

    def sample(self, i: int) -> Sample:
        painted = paint((100, 80), [(0, 0, 0, 0)] * i + [(30, 20, 80, 60)])
        return Sample(painted.image, painted.boxes_xyxy[i:], painted.class_ids[i:])

    def resized(self, i: int) -> Sample:
        self.asked[i] += 1
        sample = self.sample(i)
        width, height = resized_wh((100, 80), SIZE)
        scale = np.array([width / 100, height / 80] * 2, np.float32)
        return Sample(resize(sample.image, (width, height)), sample.boxes_xyxy * scale, sample.class_ids)

    def in_input(self, i: int, size_wh: tuple[int, int]) -> Sample:
        sample = self.sample(i)
        image, position = letterbox(sample.image, size_wh)
        return Sample(image, place_boxes(sample.boxes_xyxy, position), sample.class_ids)


@pytest.mark.parametrize(
    ("fliplr", "flipud", "expected"),
    [
        (0.0, 0.0, (10, 8, 60, 30)),
        (1.0, 0.0, (40, 8, 90, 30)),  # 100 - 60, 100 - 10
        (0.0, 1.0, (10, 50, 60, 72)),  # 80 - 30, 80 - 8
        (1.0, 1.0, (40, 50, 90, 72)),
    ],
)
def test_flips_happen_with_their_probability(fliplr: float, flipud: float, expected: tuple[int, ...]) -> None:
    augment = AugmentSettings(hsv_h=0, hsv_s=0, hsv_v=0, fliplr=fliplr, flipud=flipud)
    flipped = recolour_and_flip(paint((100, 80), BOXES[:1]), rng(), augment)
    assert flipped.boxes_xyxy.tolist() == [list(expected)]
    assert measure(flipped.image, 0) == expected


@pytest.mark.parametrize(
    "ranges",
    [
        {},
        {"jitter": 0.15},
        {"resize": 1.4},
        {"jitter": 0.1, "resize": 0.8, "flipud": 0.5},
        {"degrees": 10, "jitter": 0.1, "perspective": 0.0005},
        {"mosaic": 1, "mosaic9": 0.5},
        {"mosaic": 1, "mosaic9": 0.5, "jitter": 0.1},
        {"mosaic": 1, "mosaic9": 0.5, "degrees": 10, "scale": 0.3, "perspective": 0.0005},
        {"blur": 0.5},
    ],
)
@pytest.mark.parametrize("size_wh", [(SIZE, SIZE), (SIZE, 64)])
def test_boxes_lie_on_the_pixels_whatever_is_combined(ranges: dict[str, float], size_wh: tuple[int, int]) -> None:
    augment = AugmentSettings(**{"hsv_h": 0, "hsv_s": 0, "hsv_v": 0, "mosaic": 0, **ranges})
    num_boxes = 0
    for seed in range(24):
        sample = augmented_sample(Painted(), seed % 6, size_wh, rng(seed), augment)
        assert sample.image.shape == (size_wh[1], size_wh[0], 3)
        # An object may come twice in a mosaic: then its colour says nothing about one box.
        once = np.isin(sample.class_ids, [c for c, n in Counter(sample.class_ids.tolist()).items() if n == 1])
        uncut = whole(Sample(sample.image, sample.boxes_xyxy[once], sample.class_ids[once]))
        for box, class_id in zip(uncut.boxes_xyxy, uncut.class_ids, strict=True):
            seen = measure(sample.image, class_id)
            assert seen is not None
            # A second copy may be seen without a box, where most of it is cut off: then more is seen, never less.
            if "mosaic" in ranges and not np.allclose(box, seen, atol=2.5):
                assert (np.array(seen[:2]) <= box[:2] + 2.5).all()
                assert (np.array(seen[2:]) >= box[2:] - 2.5).all()
                continue
            np.testing.assert_allclose(box, seen, atol=2.5)
            num_boxes += 1
    assert num_boxes >= 6


def test_mixtures_show_both_with_their_boxes() -> None:
    images = Painted()
    for seed in range(10):
        sample = augmented_sample(
            images, 0, (SIZE, SIZE), rng(seed), AugmentSettings(hsv_h=0, hsv_s=0, hsv_v=0, mosaic=0, mixup=1)
        )
        assert len(sample.class_ids) == 2
        assert sample.class_ids[0] == 0
        middle = sample.image[SIZE // 2, SIZE // 2].astype(int)
        if sample.class_ids[1] == 1:  # red and green, about half each
            assert middle[0] == 0
            assert (middle[1:] > 60).all()
            assert abs(middle.sum() - 250) <= 1


def test_partners_come_from_all_images_equally() -> None:
    images = Painted()
    augment = AugmentSettings(hsv_h=0, hsv_s=0, hsv_v=0)
    for seed in range(400):
        augmented_sample(images, 0, (SIZE, SIZE), rng(seed), augment)
    images.asked[0] -= 400  # the image itself
    # 1200 draws of 6: 200 each, give or take four standard deviations of 13.
    assert all(148 <= images.asked[i] <= 252 for i in range(6))


@pytest.mark.parametrize(("mosaic9", "number"), [(0.0, 4), (1.0, 9)])
def test_how_many_images_join(mosaic9: float, number: int) -> None:
    images = Painted()
    augmented_sample(images, 2, (SIZE, SIZE), rng(), AugmentSettings(mosaic9=mosaic9))
    assert images.asked.total() == number


def test_what_is_off_draws_nothing() -> None:
    # The state of the generator after a default sample is what it was before these kinds existed: nine draws of four
    # kinds for the mosaic and its moves, three gains, two flips.
    used, expected = rng(5), rng(5)
    augmented_sample(Painted(), 1, (SIZE, SIZE), used, AugmentSettings())
    expected.random()
    expected.integers(6, size=3)
    expected.uniform(size=2)
    expected.uniform(size=6)
    expected.uniform(size=3)
    expected.random(2)
    assert used.random() == expected.random()


def test_pixels_given_are_never_written_to() -> None:
    class Locked(Painted):
        def sample(self, i: int) -> Sample:
            sample = super().sample(i)
            sample.image.flags.writeable = False
            return sample

        def resized(self, i: int) -> Sample:
            return self.sample(i)

        def in_input(self, i: int, size_wh: tuple[int, int]) -> Sample:
            return self.sample(i)

    everything = AugmentSettings(mixup=0.5, blur=0.5, noise=0.5, cutout=0.5, flipud=0.5, mosaic=0.3, jitter=0.1)
    only_cutout = AugmentSettings(hsv_h=0, hsv_s=0, hsv_v=0, mosaic=0, cutout=1)
    for seed in range(30):
        augmented_sample(Locked(), 0, (100, 80), rng(seed), everything)
        augmented_sample(Locked(), 0, (100, 80), rng(seed), only_cutout)
