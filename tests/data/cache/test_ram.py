import numpy as np
import pytest
import torch.multiprocessing

from yolo.data.cache.ram import RamCache
from yolo.data.cache.slots import Slots

SIZES = np.array([(8, 6), (6, 8), (8, 8)], np.int32)


def tile(i: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    width, height = SIZES[i].tolist()
    return np.random.default_rng(i).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_what_was_put_is_got_read_only() -> None:
    cache = RamCache(Slots(SIZES, 8), 3)
    assert cache.get(1) is None
    cache.put(1, tile(1))
    assert cache.get(0) is None
    found = cache.get(1)
    assert found is not None
    assert np.array_equal(found, tile(1))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_images_without_a_slot_are_not_kept() -> None:
    cache = RamCache(Slots(SIZES, 8), 2)
    cache.put(2, tile(2))
    assert cache.get(2) is None


def fill(cache: RamCache) -> None:
    cache.put(0, tile(0))


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.e2e)])
def test_what_a_worker_puts_others_get(method: str) -> None:
    if method not in torch.multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    cache = RamCache(Slots(SIZES, 8), 3)

    worker = torch.multiprocessing.get_context(method).Process(  # type: ignore[attr-defined]
        target=fill, args=(cache,)
    )
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    found = cache.get(0)
    assert found is not None
    assert np.array_equal(found, tile(0))
