from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.painting import index_of, paint
from yolo.data.augment.settings import Augment
from yolo.data.dataset import DetectionDataset
from yolo.data.index import Index
from yolo.data.loader import EpochSampler, InOrderSampler, build_loader
from yolo.data.sample import Batch
from yolo.errors import DataError

NUM_PICTURES = 7


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return index_of(tmp_path, [paint((50, 40), [(5, 5, 5 + 6 * n, 30)] if n else []) for n in range(NUM_PICTURES)])


def dataset(index: Index, augment: Augment | None = None) -> DetectionDataset:
    return DetectionDataset(index=index, size=32, augment=augment, seed=1)


class OfLength(DetectionDataset):
    """Only its length counts."""

    def __init__(self, length: int) -> None:
        super().__init__(index=Index.from_records([], []), size=32, augment=None, seed=0)
        self._length = length

    def __len__(self) -> int:
        return self._length


def passes(index: Index, workers: int, epochs: Sequence[int] = (0, 1)) -> list[list[Batch]]:
    loader = build_loader(dataset(index, Augment()), batch_size=3, workers=workers, shuffle=True, seed=4)
    found = []
    for epoch in epochs:
        loader.set_epoch(epoch)
        found.append(list(loader))
    return found


def assert_same(a: Batch, b: Batch) -> None:
    assert a.image_ids == b.image_ids
    assert torch.equal(a.images, b.images)
    assert torch.equal(a.targets, b.targets)


def test_workers_change_nothing_and_epochs_do(index: Index) -> None:
    alone = passes(index, 0)
    for workers in (1, 2):
        for expected, found in zip(alone, passes(index, workers), strict=True):
            for a, b in zip(expected, found, strict=True):
                assert_same(a, b)
    first, second = (
        {i: image for b in epoch for i, image in zip(b.image_ids, b.images, strict=True)} for epoch in alone
    )
    assert set(first) == set(second) == set(range(NUM_PICTURES))
    assert all(not torch.equal(first[i], second[i]) for i in first)


def test_an_epoch_left_early_does_not_leak_into_the_next(index: Index) -> None:
    loader = build_loader(dataset(index, Augment()), batch_size=2, workers=2, shuffle=True, seed=4)
    next(iter(loader))
    loader.set_epoch(1)
    whole = build_loader(dataset(index, Augment()), batch_size=2, workers=0, shuffle=True, seed=4)
    whole.set_epoch(1)
    for a, b in zip(loader, whole, strict=True):
        assert_same(a, b)


def test_the_global_generator_is_left_alone(index: Index) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    list(build_loader(dataset(index, Augment()), batch_size=3, workers=0, shuffle=True, seed=4))
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("batch_size", "sizes"),
    [
        (3, [3, 3, 1]),  # the rest is a smaller batch
        (7, [7]),
        (64, [7]),  # fewer pictures than a batch
    ],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_cover_the_data_set(index: Index, batch_size: int, sizes: list[int], shuffle: bool) -> None:
    loader = build_loader(dataset(index), batch_size=batch_size, workers=0, shuffle=shuffle, seed=0)
    batches = list(loader)
    assert [len(b.images) for b in batches] == sizes
    assert len(loader) == len(sizes)
    assert sorted(i for b in batches for i in b.image_ids) == list(range(NUM_PICTURES))


def test_evaluation_comes_in_order_with_letterboxes(index: Index) -> None:
    (batch,) = build_loader(dataset(index), batch_size=64, workers=0, shuffle=False, seed=0)
    assert batch.image_ids == tuple(range(NUM_PICTURES))
    assert [box.width for box in batch.letterboxes] == [50] * NUM_PICTURES
    assert batch.targets[:, 0].tolist() == [1, 2, 3, 4, 5, 6]  # picture 0 has no box, and is there


@pytest.mark.parametrize("workers", [0, 2])
def test_a_users_mistake_is_raised_here_in_one_line(index: Index, workers: int) -> None:
    index.path(5).write_bytes(b"no picture")
    loader = build_loader(dataset(index), batch_size=2, workers=workers, shuffle=False, seed=0)
    with pytest.raises(DataError) as error:
        list(loader)
    message = f"{index.path(5)}: does not decode as a picture; replace it, or take it off the list"
    assert str(error.value) == message


def test_forgetting_set_epoch_repeats_the_order() -> None:
    sampler = EpochSampler(OfLength(50), seed=0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert [i for _, i in second] != [i for _, i in first]
    assert {epoch for epoch, _ in second} == {1}
    assert list(EpochSampler(OfLength(50), seed=9)) != first


def test_three_ranks_by_hand() -> None:
    ranks = [[i for _, i in EpochSampler(OfLength(7), seed=0, num_replicas=3, rank=r)] for r in range(3)]
    together = [i for rank in ranks for i in rank]
    assert [len(r) for r in ranks] == [3, 3, 3]  # 7 and 2 that come twice
    assert sorted(set(together)) == list(range(7))
    assert len(together) == 9
    in_order = [[i for _, i in InOrderSampler(OfLength(7), num_replicas=3, rank=r)] for r in range(3)]
    assert in_order == [[0, 3, 6], [1, 4], [2, 5]]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 3))
def test_ranks_share_every_picture(length: int, num_replicas: int, epoch: int) -> None:
    shuffled: Counter[tuple[int, int]] = Counter()
    in_order: list[int] = []
    for rank in range(num_replicas):
        sampler = EpochSampler(OfLength(length), seed=0, num_replicas=num_replicas, rank=rank)
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert len(keys) == len(sampler) == -(-length // num_replicas)
        shuffled.update(keys)
        in_order += [i for _, i in InOrderSampler(OfLength(length), num_replicas=num_replicas, rank=rank)]
    assert sorted(shuffled) == [(epoch, i) for i in range(length)]
    if length >= num_replicas:
        assert max(shuffled.values()) <= 2
    assert sorted(in_order) == list(range(length))
