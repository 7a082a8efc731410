from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.test_image_weights import index_with
from yolo.data.dataset import DetectionDataset
from yolo.data.image_weights import ap_name, image_weights
from yolo.data.index import Index
from yolo.data.sample import Key, Shard
from yolo.data.samplers import EpochSampler, InOrderSampler, WeightedSampler


class OfLength(DetectionDataset):
    """Only its length counts."""

    def __init__(self, length: int) -> None:
        super().__init__(index=Index.from_records([], []), size=32, augment=None, seed=0)
        self._length = length

    def __len__(self) -> int:
        return self._length


def test_forgetting_set_epoch_repeats_the_order() -> None:
    sampler = EpochSampler(OfLength(50), seed=0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert [key.image_id for key in second] != [key.image_id for key in first]
    assert {key.epoch for key in second} == {1}
    assert list(EpochSampler(OfLength(50), seed=9)) != first


def test_three_ranks_by_hand() -> None:
    ranks = [[key.image_id for key in EpochSampler(OfLength(7), seed=0, shard=Shard(r, 3))] for r in range(3)]
    together = [i for rank in ranks for i in rank]
    assert [len(r) for r in ranks] == [3, 3, 3]  # 7 and 2 that come twice
    assert sorted(set(together)) == list(range(7))
    assert len(together) == 9
    in_order = [[key.image_id for key in InOrderSampler(OfLength(7), shard=Shard(r, 3))] for r in range(3)]
    assert in_order == [[0, 3, 6], [1, 4], [2, 5]]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 3))
def test_ranks_share_every_image(length: int, world_size: int, epoch: int) -> None:
    shuffled: Counter[Key] = Counter()
    in_order: list[int] = []
    for rank in range(world_size):
        sampler = EpochSampler(OfLength(length), seed=0, shard=Shard(rank, world_size))
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert len(keys) == len(sampler) == -(-length // world_size)
        shuffled.update(keys)
        in_order += [key.image_id for key in InOrderSampler(OfLength(length), shard=Shard(rank, world_size))]
    assert sorted(shuffled) == [Key(epoch, i) for i in range(length)]
    if length >= world_size:
        assert max(shuffled.values()) <= 2
    assert sorted(in_order) == list(range(length))


def weighted(length: int, world_size: int = 1, rank: int = 0, seed: int = 0) -> WeightedSampler:
    index = index_with(*([n % 2] * (n % 3) for n in range(length)))
    return WeightedSampler(index, seed=seed, shard=Shard(rank, world_size))


def test_a_weighted_draw_follows_the_weights() -> None:
    index = index_with([0], [0], [0], [1], [])
    sampler = WeightedSampler(index, seed=0)
    for record in ({}, {ap_name("c0"): 0.9}):
        sampler.update_weights(record)
        counts = np.zeros(len(index))
        for epoch in range(2000):
            sampler.set_epoch(epoch)
            np.add.at(counts, [key.image_id for key in sampler], 1)
        np.testing.assert_allclose(counts / counts.sum(), image_weights(index, record), atol=0.02)


def test_a_weighted_draw_repeats_and_changes_with_epoch_seed_and_record() -> None:
    sampler = weighted(40)
    first = list(sampler)
    assert list(sampler) == first == list(weighted(40))
    assert list(weighted(40, seed=1)) != first
    sampler.update_weights({ap_name("c0"): 0.9})
    assert list(sampler) != first
    sampler.update_weights({})
    sampler.set_epoch(1)
    assert [key.image_id for key in sampler] != [key.image_id for key in first]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 3))
def test_ranks_get_disjoint_parts_of_one_weighted_draw(length: int, world_size: int, epoch: int) -> None:
    parts = []
    for rank in range(world_size):
        sampler = weighted(length, world_size, rank)
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert len(keys) == len(sampler) == -(-length // world_size)
        parts += keys
    assert len(set(parts)) == len(parts)  # an image may come again, but as another repeat of it
    assert {key.epoch for key in parts} == {epoch}
    repeats = Counter(key.image_id for key in parts)
    assert all(Key(epoch, i, n) in parts for i, count in repeats.items() for n in range(count))
