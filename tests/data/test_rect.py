from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo.data.rect import RectBatches, rectangular_sizes
from yolo.data.sample import Key, Shard

SHAPES = np.array([(64, 64), (64, 32), (32, 64)], np.int32)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ((640, 480), (416, 320)),  # 312 high
        ((480, 640), (320, 416)),
        ((100, 100), (416, 416)),
        ((640, 493), (416, 320)),  # 320.45 rounds to 320
        ((640, 494), (416, 352)),  # 321.1
        ((1000, 1), (416, 32)),  # never less than a stride
        ((16, 8), (416, 224)),  # small images are enlarged
    ],
)
def test_sizes_by_hand(image: tuple[int, int], expected: tuple[int, int]) -> None:
    assert rectangular_sizes(np.array([image], np.int32), 416, 32).tolist() == [list(expected)]


def test_no_images() -> None:
    assert rectangular_sizes(np.zeros((0, 2), np.int32), 416, 32).shape == (0, 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([8, 32, 64]), st.integers(1, 20))
def test_an_input_holds_its_image_with_less_than_a_stride_to_spare(
    width: int, height: int, stride: int, multiple: int
) -> None:
    size = stride * multiple
    ((w, h),) = rectangular_sizes(np.array([(width, height)], np.int32), size, stride).tolist()
    assert max(w, h) == size
    assert w % stride == h % stride == 0
    scale = size / max(width, height)
    assert w > width * scale - 0.5001
    assert h > height * scale - 0.5001
    assert min(w - width * scale, h - height * scale) < 0.5001
    assert max(w - width * scale, h - height * scale) < stride + 0.5001


def draw_sizes(seed: int, count: int) -> npt.NDArray[np.int32]:
    return SHAPES[np.random.default_rng(seed).integers(len(SHAPES), size=count)]


def test_by_hand() -> None:
    sizes = SHAPES[[0, 1, 0, 0, 2, 1]]
    listed = RectBatches(sizes, batch_size=2)
    assert [[key.image_id for key in batch] for batch in listed] == [[4], [1, 5], [0, 2], [3]]
    assert len(listed) == 4
    ranks = [RectBatches(sizes, batch_size=2, shard=Shard(rank, 3)) for rank in range(3)]
    assert [len(rank) for rank in ranks] == [2, 1, 1]
    assert [[key.image_id for batch in rank for key in batch] for rank in ranks] == [[4, 3], [1, 5], [0, 2]]


def test_forgetting_set_epoch_repeats_the_order() -> None:
    batches = RectBatches(draw_sizes(0, 50), batch_size=4, seed=3)
    first = list(batches)
    assert list(batches) == first
    batches.set_epoch(1)
    second = list(batches)
    assert {key.epoch for batch in second for key in batch} == {1}
    images = [[[key.image_id for key in batch] for batch in epoch] for epoch in (first, second)]
    assert images[0] != images[1]
    shapes = [tuple(draw_sizes(0, 50)[batch[0]].tolist()) for batch in images[0]]
    assert sum(a != b for a, b in pairwise(shapes)) > len(SHAPES)  # not shape after shape
    assert sorted(map(sorted, images[0])) != sorted(map(sorted, images[1]))  # other company, not only other places


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 5), st.integers(0, 3))
def test_ranks_share_every_image(length: int, batch_size: int, world_size: int, epoch: int) -> None:
    sizes = draw_sizes(length, length)
    shuffled: Counter[Key] = Counter()
    listed: list[int] = []
    lengths = set()
    for rank in range(world_size):
        for seed in (5, None):
            sampler = RectBatches(sizes, batch_size=batch_size, seed=seed, shard=Shard(rank, world_size))
            sampler.set_epoch(epoch)
            batches = list(sampler)
            assert len(batches) == len(sampler)
            assert all(1 <= len(batch) <= batch_size for batch in batches)
            assert all(len({tuple(sizes[key.image_id]) for key in batch}) == 1 for batch in batches)
            if seed is None:
                listed += [key.image_id for batch in batches for key in batch]
            else:
                shuffled.update(key for batch in batches for key in batch)
                lengths.add(len(batches))
    assert sorted(shuffled) == [Key(epoch, i) for i in range(length)]
    assert len(lengths) == 1  # equally many batches on every rank
    assert sorted(listed) == list(range(length))
