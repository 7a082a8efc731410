from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from yolo.data.augment.colour import random_blur, random_hsv, random_noise


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bgr(*pixels_hsv: list[int]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(np.array([pixels_hsv], np.uint8), cv2.COLOR_HSV2BGR), np.uint8)


def test_hsv_gains_are_those_drawn() -> None:
    image = bgr([100, 100, 100], [170, 200, 240])
    gains = 1 + rng(3).uniform(-1, 1, 3) * (0.1, 0.5, 0.3)
    expected = np.array([[100, 100, 100], [170, 200, 240]]) * gains
    expected[:, 0] %= 180
    changed = cv2.cvtColor(random_hsv(image, rng(3), 0.1, 0.5, 0.3), cv2.COLOR_BGR2HSV)[0]
    np.testing.assert_allclose(changed, expected.clip(max=255), atol=3)  # 8-bit HSV is not exact


def test_hue_wraps_and_value_saturates() -> None:
    class Upwards(np.random.Generator):
        def uniform(self, low: Any = 0, high: Any = 1, size: Any = None) -> Any:
            return np.full(size, high)

    image = bgr([170, 200, 240])
    changed = cv2.cvtColor(random_hsv(image, Upwards(np.random.PCG64()), 0.8, 0, 0.36), cv2.COLOR_BGR2HSV)[0, 0]
    np.testing.assert_allclose(changed, [170 * 1.8 - 180, 200, 255], atol=2)


def test_no_gain_leaves_every_pixel() -> None:
    image = rng().integers(0, 256, (20, 20, 3), dtype=np.uint8)
    assert np.array_equal(random_hsv(image, rng(), 0, 0, 0), image)


def test_blur_spreads_a_point_and_keeps_its_light() -> None:
    image = np.zeros((31, 31, 3), np.uint8)
    image[13:18, 13:18] = 250
    widths = set()
    for seed in range(10):
        blurred = random_blur(image, rng(seed))
        assert abs(int(blurred.sum()) - int(image.sum())) < 0.05 * image.sum()
        widths.add(int((blurred[15, :, 0] > 0).sum()))
    assert min(widths) < 8
    assert max(widths) > 12
    assert image[15, 12, 0] == 0  # the image given is as it was


def test_noise_is_centred_bounded_and_clipped() -> None:
    image = np.full((80, 80, 3), 128, np.uint8)
    image[:20], image[-20:] = 0, 255
    largest = []
    for seed in range(20):
        change = random_noise(image, rng(seed)).astype(int) - image
        assert abs(change[20:-20].mean()) < 1
        assert change[:20].min() == 0  # nothing is darker than black, and nothing wraps
        assert change[-20:].max() == 0
        largest.append(int(np.abs(change).max()))
    assert max(largest) <= 32
    assert min(largest) < 8
    assert max(largest) > 24
