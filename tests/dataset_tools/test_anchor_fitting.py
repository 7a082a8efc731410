import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from yolo.data.index import Index, Record
from yolo.dataset_tools.anchor_fitting import (
    Quality,
    find_anchors,
    kmeans,
    letterboxed_shapes,
    measure,
    warn_of_poor_anchors,
)

Array = npt.NDArray[np.float64]
SHAPES = st_numpy.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(0.01, 600))
ANCHORS = st_numpy.arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(1, 400))


@pytest.fixture(autouse=True)
def _few_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo.dataset_tools.anchor_fitting.GENERATIONS", 100)


def index_of(*images: tuple[int, int, Sequence[tuple[float, float]]]) -> Index:
    """Images of (width, height, shapes of boxes); the last box of each is to be ignored."""
    records = []
    for width, height, shapes in images:
        boxes = np.array([(0, 0, w, h) for w, h in shapes], np.float64).reshape(-1, 4)
        ignore = np.arange(len(shapes)) == len(shapes) - 1
        records.append(Record(Path("a.jpg"), width, height, boxes, np.zeros(len(shapes), np.int64), ignore))
    return Index.from_records(["cat"], records)


def test_shapes_are_those_of_the_letterboxed_input() -> None:
    index = index_of((800, 400, [(80, 40), (9, 9)]), (200, 400, [(10, 20), (100, 400), (9, 9)]), (64, 64, []))
    assert letterboxed_shapes(index, (400, 200)).tolist() == [[40, 20], [5, 10], [50, 200]]
    assert letterboxed_shapes(index, (400, 400)).tolist() == [[40, 20], [10, 20], [100, 400]]


def test_measure() -> None:
    shapes = np.array([(10, 10), (20, 10), (100, 10)], float)
    anchors = np.array([(10, 10), (50, 20)], float)
    # IoU with the best anchor: 1; 1/2 and 1/5; 1/10 and 500/1500
    assert measure(shapes, anchors, 0.4) == pytest.approx(Quality(2 / 3, (1 + 1 / 2 + 1 / 3) / 3))
    assert measure(shapes, anchors, 0.2).recall == 1
    assert measure(shapes, anchors, 0.5).recall == pytest.approx(1 / 3)  # above, not equal


def test_clusters_are_found() -> None:
    rng = np.random.default_rng(1)
    centres = np.array([(10, 30), (60, 60), (300, 90)], float)
    shapes = np.repeat(centres, 200, axis=0) * rng.uniform(0.95, 1.05, (600, 2))
    found = find_anchors(shapes, 3, threshold=0.2, seed=0)
    np.testing.assert_allclose(found, centres, rtol=0.03)
    assert measure(shapes, found, 0.2).mean_iou > 0.94
    mean = kmeans(shapes, 1, rng)
    np.testing.assert_allclose(mean, [shapes.mean(axis=0)])


def test_equal_seeds_give_equal_anchors() -> None:
    shapes = np.random.default_rng(2).uniform(5, 300, (200, 2))
    one, two = (find_anchors(shapes, 4, threshold=0.2, seed=7) for _ in range(2))
    assert one.tolist() == two.tolist()
    assert one.tolist() != find_anchors(shapes, 4, threshold=0.2, seed=8).tolist()


def test_refining_beats_kmeans() -> None:
    shapes = np.random.default_rng(3).lognormal(4, 0.7, (300, 2))
    centres = kmeans(shapes, 5, np.random.default_rng(0))
    assert measure(shapes, find_anchors(shapes, 5, threshold=0.2, seed=0), 0.2).mean_iou > 0.002 + (
        measure(shapes, centres, 0.2).mean_iou
    )


@settings(max_examples=30, deadline=None)
@given(shapes=SHAPES, start=ANCHORS, more=st.integers(0, 3), threshold=st.sampled_from([0.2, 0.5]))
def test_anchors_never_get_worse(shapes: Array, start: Array, more: int, threshold: float) -> None:
    num = len(start) + more
    found = find_anchors(shapes, num, threshold=threshold, seed=0, start=start)
    before, after = measure(shapes, start, threshold), measure(shapes, found, threshold)
    assert found.shape == (num, 2)
    assert (found > 0).all()
    assert (np.diff(found.prod(axis=1)) >= 0).all()
    assert after.recall >= before.recall
    assert after.recall > before.recall or after.mean_iou >= before.mean_iou


def test_a_warning_where_anchors_are_poor(caplog: pytest.LogCaptureFixture) -> None:
    index = index_of((400, 400, [(100, 100)] * 97 + [(4, 4)] * 3 + [(9, 9)]))
    warn_of_poor_anchors(index, np.array([(90.0, 90.0)]), (400, 400), 0.2, "my.cfg")
    assert "my.cfg: only 97.0% of the training boxes have an anchor" in caplog.text
    assert "python -m yolo.anchors --cfg my.cfg" in caplog.text
    caplog.clear()
    warn_of_poor_anchors(index, np.array([(90.0, 90.0), (5.0, 5.0)]), (400, 400), 0.2, "my.cfg")
    warn_of_poor_anchors(index_of((4, 4, [])), np.array([(90.0, 90.0)]), (400, 400), 0.2, "my.cfg")
    assert caplog.records == []
    assert logging.getLogger("yolo.data.anchors").isEnabledFor(logging.WARNING)
