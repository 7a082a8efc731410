from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from yolo.data.image_weights import ap_name, image_weights
from yolo.data.index import Index, Record


def index_with(*images: list[int], ignored: tuple[int, ...] = (), num_classes: int = 3) -> Index:
    """Images with objects of these classes; those of an image in `ignored` are regions to ignore."""
    records = [
        Record(
            Path(f"{i}.png"),
            10,
            10,
            np.tile([0.0, 0, 5, 5], (len(classes), 1)),
            np.array(classes, np.int64),
            np.full(len(classes), i in ignored),
        )
        for i, classes in enumerate(images)
    ]
    return Index.from_records([f"c{k}" for k in range(num_classes)], records)


def test_frequency_alone() -> None:
    # class 0 has 4 objects, class 1 one: an object of class 1 weighs as much as all of class 0
    weights = image_weights(index_with([0, 0], [0], [0], [1]), {})
    np.testing.assert_allclose(weights, [2 / 8, 1 / 8, 1 / 8, 4 / 8])


def test_classes_that_are_found_weigh_less() -> None:
    index = index_with([0], [0], [1])
    found = image_weights(index, {ap_name("c0"): 0.8, ap_name("c1"): 0.2})
    np.testing.assert_allclose(found, np.array([0.2 / 2, 0.2 / 2, 0.8]) / 1.0)
    perfect = image_weights(index, {ap_name("c0"): 1.0, ap_name("c1"): 1.0})
    np.testing.assert_allclose(perfect, [0.25, 0.25, 0.5])  # never nothing at all


def test_images_without_objects_keep_their_share() -> None:
    weights = image_weights(index_with([0, 0, 0], [], [1], []), {})
    np.testing.assert_allclose(weights, [0.25, 0.25, 0.25, 0.25])
    np.testing.assert_allclose(image_weights(index_with([], []), {}), [0.5, 0.5])


def test_regions_to_ignore_do_not_count() -> None:
    weights = image_weights(index_with([0], [1], [1, 1, 1], ignored=(2,)), {})
    np.testing.assert_allclose(weights, [1 / 3, 1 / 3, 1 / 3])  # the last as an image without objects


@pytest.mark.parametrize("record", [{}, {ap_name("c1"): 0.5}, {"metrics/mAP50": 0.9}])
def test_sum_is_one(record: dict[str, float]) -> None:
    weights = image_weights(index_with([0, 1], [2], []), record)
    assert math.isclose(weights.sum(), 1)
    assert (weights > 0).all()
