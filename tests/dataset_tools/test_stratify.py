import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.dataset_tools.stratify import stratify


def divide(boxes: list[list[int]], fractions: list[float], seed: int = 0) -> list[list[int]]:
    """Units in each part."""
    table = np.array(boxes)
    parts = stratify(table, np.ones(len(table), np.int64), fractions, np.random.default_rng(seed))
    return [np.flatnonzero(parts == part).tolist() for part in range(len(fractions))]


def test_every_part_gets_its_share_of_a_rare_class() -> None:
    boxes = [[1 + i % 4, int(i % 20 == 0)] for i in range(200)]  # class 1 in 10 of 200 images
    train, val, test = divide(boxes, [0.7, 0.2, 0.1])
    assert (len(train), len(val), len(test)) == (140, 40, 20)
    assert [sum(boxes[i][1] for i in part) for part in (train, val, test)] == [7, 2, 1]
    assert [sum(boxes[i][0] for i in part) / 500 for part in (train, val, test)] == pytest.approx(
        [0.7, 0.2, 0.1], abs=0.02
    )


def test_images_without_objects_are_shared_out_too() -> None:
    boxes = [[1] if i >= 50 else [0] for i in range(100)]
    train, val = divide(boxes, [0.8, 0.2])
    assert [sum(i < 50 for i in part) for part in (train, val)] == [40, 10]


def test_without_any_object() -> None:
    parts = stratify(np.zeros((10, 0), np.int64), np.ones(10, np.int64), [0.8, 0.2], np.random.default_rng(0))
    assert np.bincount(parts).tolist() == [8, 2]


def test_the_seed_decides() -> None:
    boxes = [[i % 3] for i in range(60)]
    assert divide(boxes, [0.8, 0.2], 1) == divide(boxes, [0.8, 0.2], 1)
    assert divide(boxes, [0.8, 0.2], 1) != divide(boxes, [0.8, 0.2], 2)


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=30),
    st.sampled_from([[0.8, 0.2], [0.7, 0.2, 0.1], [0.5, 0.5]]),
    st.integers(0, 9),
)
def test_each_unit_is_in_one_part_and_parts_are_of_the_wished_sizes(
    boxes: list[list[int]], fractions: list[float], seed: int
) -> None:
    parts = divide(boxes, fractions, seed)
    assert sorted(i for part in parts for i in part) == list(range(len(boxes)))
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - fraction * len(boxes)) < 1


def test_a_large_unit_counts_all_its_images() -> None:
    parts = stratify(np.ones((6, 1), np.int64), np.array([5, 1, 1, 1, 1, 1]), [0.5, 0.5], np.random.default_rng(0))
    sizes = np.bincount(parts, weights=[5, 1, 1, 1, 1, 1])
    assert sizes.sum() == 10
    assert abs(sizes - 5).max() <= 4
