import numpy as np
import pytest

from yolo.data.cache.slots import Slots

SIZES = np.array([(640, 480), (100, 200), (50, 50)], np.int32)


def test_slots_lie_one_after_another() -> None:
    slots = Slots(SIZES, 64)
    assert slots.sizes_wh.tolist() == [[64, 48], [32, 64], [64, 64]]
    assert slots.ends.tolist() == [0, 9216, 15360, 27648]  # 3 bytes a pixel
    assert slots.num_bytes == 27648
    pixels = np.zeros(slots.num_bytes, np.uint8)
    for i in range(3):
        slots.view(pixels, i)[:] = i + 1
    assert slots.view(pixels, 1).shape == (64, 32, 3)
    assert np.bincount(pixels).tolist() == [0, 9216, 6144, 12288]


@pytest.mark.parametrize(
    ("num_bytes", "count"), [(-5, 0), (0, 0), (9215, 0), (9216, 1), (15359, 1), (27647, 2), (27648, 3), (10**12, 3)]
)
def test_how_many_fit(num_bytes: int, count: int) -> None:
    assert Slots(SIZES, 64).num_fitting(num_bytes) == count


def test_sizes_beyond_four_gigabytes_do_not_overflow() -> None:
    assert Slots(np.full((20_000, 2), 640, np.int32), 640).num_bytes == 20_000 * 640 * 640 * 3
