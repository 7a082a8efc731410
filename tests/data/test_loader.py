from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.data.painting import index_of, paint
from yolo.config.augment_settings import AugmentSettings
from yolo.data.dataset import DetectionDataset
from yolo.data.image_weights import ap_name
from yolo.data.index import Index
from yolo.data.loader import Order, build_loader
from yolo.data.rect import rectangular_sizes
from yolo.data.sample import Batch
from yolo.errors import DataError

NUM_IMAGES = 7


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return index_of(tmp_path, [paint((50, 40), [(5, 5, 5 + 6 * n, 30)] if n else []) for n in range(NUM_IMAGES)])


def dataset(index: Index, augment: AugmentSettings | None = None) -> DetectionDataset:
    return DetectionDataset(index=index, size=32, augment=augment, seed=1)


def passes(index: Index, workers: int, epochs: Sequence[int] = (0, 1), order: Order = "shuffled") -> list[list[Batch]]:
    loader = build_loader(dataset(index, AugmentSettings()), batch_size=3, workers=workers, order=order, seed=4)
    found = []
    for epoch in epochs:
        loader.set_epoch(epoch, {})
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
    assert set(first) == set(second) == set(range(NUM_IMAGES))
    assert all(not torch.equal(first[i], second[i]) for i in first)


def test_workers_change_nothing_in_a_weighted_order(index: Index) -> None:
    alone = passes(index, 0, order="weighted")
    for expected, found in zip(alone, passes(index, 2, order="weighted"), strict=True):
        for a, b in zip(expected, found, strict=True):
            assert_same(a, b)


def test_a_weighted_order_hears_of_the_last_epoch(tmp_path: Path) -> None:
    boxes = [(5, 5, 15, 15), (20, 20, 30, 30)]  # of classes 0 and 1
    index = index_of(tmp_path, [paint((50, 40), boxes[: 1 + n % 2]) for n in range(20)])
    loader = build_loader(dataset(index), batch_size=64, workers=0, order="weighted", seed=4)

    def share_of_class_1(record: dict[str, float]) -> float:
        loader.set_epoch(3, record)
        (batch,) = loader
        return sum(i % 2 for i in batch.image_ids) / len(batch)

    assert share_of_class_1({}) < 0.9 < share_of_class_1({ap_name("0"): 0.99})


@pytest.mark.parametrize("workers", [0, 2])
def test_rectangular_batches_have_one_shape_each(tmp_path: Path, workers: int) -> None:
    sides = [(50, 35), (35, 50), (50, 20), (50, 36), (34, 50)]
    index = index_of(tmp_path, [paint(side, [(5, 5, 30, 15)]) for side in sides])
    data = DetectionDataset(
        index=index, size=32, augment=None, seed=0, input_sizes=rectangular_sizes(index.sizes, 32, 8)
    )
    batches = list(build_loader(data, batch_size=2, workers=workers, order="listed", seed=0))
    assert {b.image_ids: tuple(b.images.shape[2:]) for b in batches} == {
        (1, 4): (32, 24),  # 22 wide
        (2,): (16, 32),
        (0, 3): (24, 32),
    }


def test_an_epoch_left_early_does_not_leak_into_the_next(index: Index) -> None:
    loader = build_loader(dataset(index, AugmentSettings()), batch_size=2, workers=2, order="shuffled", seed=4)
    next(iter(loader))
    loader.set_epoch(1, {})
    whole = build_loader(dataset(index, AugmentSettings()), batch_size=2, workers=0, order="shuffled", seed=4)
    whole.set_epoch(1, {})
    for a, b in zip(loader, whole, strict=True):
        assert_same(a, b)


def test_the_global_generator_is_left_alone(index: Index) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    list(build_loader(dataset(index, AugmentSettings()), batch_size=3, workers=0, order="shuffled", seed=4))
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("batch_size", "sizes"),
    [
        (3, [3, 3, 1]),  # the rest is a smaller batch
        (7, [7]),
        (64, [7]),  # fewer images than a batch
    ],
)
@pytest.mark.parametrize("order", ["shuffled", "listed"])
def test_batches_cover_the_data_set(index: Index, batch_size: int, sizes: list[int], order: Order) -> None:
    loader = build_loader(dataset(index), batch_size=batch_size, workers=0, order=order, seed=0)
    batches = list(loader)
    assert [len(b.images) for b in batches] == sizes
    assert len(loader) == len(sizes)
    assert sorted(i for b in batches for i in b.image_ids) == list(range(NUM_IMAGES))


def test_evaluation_comes_in_order_with_letterboxes(index: Index) -> None:
    (batch,) = build_loader(dataset(index), batch_size=64, workers=0, order="listed", seed=0)
    assert batch.image_ids == tuple(range(NUM_IMAGES))
    assert [box.width for box in batch.letterboxes] == [50] * NUM_IMAGES
    assert batch.targets[:, 0].tolist() == [1, 2, 3, 4, 5, 6]  # image 0 has no box, and is there


@pytest.mark.parametrize("workers", [0, 2])
def test_a_users_mistake_is_raised_here_in_one_line(index: Index, workers: int) -> None:
    index.path(5).write_bytes(b"no image")
    loader = build_loader(dataset(index), batch_size=2, workers=workers, order="listed", seed=0)
    with pytest.raises(DataError) as error:
        list(loader)
    message = f"{index.path(5)}: does not decode as an image; replace it, or remove it from the list"
    assert str(error.value) == message
