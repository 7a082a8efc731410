from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo.boxes import nms_methods
from yolo.boxes.detections import Detections, Predictions
from yolo.boxes.nms import NmsSettings, non_max_suppression

Rows = list[tuple[tuple[float, ...], float, int]]


def as_rows(detections: Detections) -> Rows:
    columns = (detections.xyxy.tolist(), detections.score.tolist(), detections.class_id.tolist())
    return [(tuple(box), score, class_id) for box, score, class_id in zip(*columns, strict=True)]


def plain_nms(
    boxes: list[list[float]],
    scores: list[list[float]],
    *,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
    multi_label: bool,
    class_agnostic: bool,
) -> Rows:
    """Suppress by the plain rule: one image, O(n^2)."""
    candidates = []
    for number, row in enumerate(scores):
        best = row.index(max(row))
        for class_id, score in enumerate(row):
            if score > score_threshold and (multi_label or class_id == best):
                candidates.append((-score, number, class_id))
    kept: list[tuple[float, int, int]] = []
    for candidate in sorted(candidates):
        rivals = [k for k in kept if class_agnostic or k[2] == candidate[2]]
        if all(plain_iou(boxes[candidate[1]], boxes[k[1]]) <= iou_threshold for k in rivals):
            kept.append(candidate)
    return [(tuple(boxes[number]), -score, class_id) for score, number, class_id in kept[:max_detections]]


def plain_iou(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


# Few positions and few scores, so that many overlaps equal the threshold and many scores are equal.
corner = st.integers(-6, 12).map(float)
side = st.integers(1, 8).map(float)
box = st.builds(lambda x, y, w, h: [x, y, x + w, y + h], corner, corner, side, side)
eighth = st.integers(0, 8).map(lambda n: n / 8)
images = st.lists(st.tuples(box, st.lists(eighth, min_size=3, max_size=3)), min_size=1, max_size=14)


@settings(deadline=None)
@given(
    images,
    st.sampled_from([0.0, 0.125, 0.5]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([1, 3, 100]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 4, 1000]),
)
def test_nms_equals_the_plain_rule(
    image: list[tuple[list[float], list[float]]],
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
    multi_label: bool,
    class_agnostic: bool,
    first_block: int,
) -> None:
    boxes, scores = [b for b, _ in image], [s for _, s in image]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nms_methods, "_FIRST_BLOCK", first_block)
        (got,) = non_max_suppression(
            Predictions(torch.tensor([boxes]), torch.tensor([scores])),
            NmsSettings(
                score_threshold=score_threshold,
                iou_threshold=iou_threshold,
                max_detections=max_detections,
                multi_label=multi_label,
                class_agnostic=class_agnostic,
            ),
        )
    assert as_rows(got) == plain_nms(
        boxes,
        scores,
        score_threshold=score_threshold,
        iou_threshold=iou_threshold,
        max_detections=max_detections,
        multi_label=multi_label,
        class_agnostic=class_agnostic,
    )


def test_classes_limits_the_candidates() -> None:
    boxes = torch.tensor([[[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10]]])
    scores = torch.tensor([[[0.5, 0.0, 0.75], [0.25, 0.75, 0.0], [0.0, 0.0, 0.5]]])
    agnostic = NmsSettings(score_threshold=0.1, iou_threshold=0.5, class_agnostic=True)

    def search(**changes: Any) -> list[Detections]:
        return non_max_suppression(Predictions(boxes, scores), replace(agnostic, **changes))

    assert as_rows(search(classes=[0])[0]) == [((0, 0, 10, 10), 0.5, 0)]
    assert as_rows(search(classes=[2, 1], max_detections=1)[0]) == [((0, 0, 10, 10), 0.75, 2)]
    # The first box is best as class 2, the second as class 1.
    assert as_rows(search(classes=[0], multi_label=False)[0]) == []


def test_images_do_not_suppress_each_other() -> None:
    boxes = torch.tensor([[[0, 0, 10, 10], [0, 0, 10, 9]], [[0, 0, 10, 10], [20, 20, 30, 30]]])
    scores = torch.tensor([[[0.5, 0.0], [0.75, 0.25]], [[0.5, 0.25], [0.0, 0.75]]])
    first, second = non_max_suppression(Predictions(boxes, scores), NmsSettings(score_threshold=0.1, iou_threshold=0.5))
    assert as_rows(first) == [((0, 0, 10, 9), 0.75, 0), ((0, 0, 10, 9), 0.25, 1)]
    assert as_rows(second) == [((20, 20, 30, 30), 0.75, 1), ((0, 0, 10, 10), 0.5, 0), ((0, 0, 10, 10), 0.25, 1)]


def test_class_offsets_do_not_round_small_boxes() -> None:
    # 2.5 x 4 and 2.5 x 2.51 pixels: IoU 0.6275. Offset by class in float32, coordinates would be rounded to 1/32.
    boxes = torch.tensor([[[3000, 3000, 3002.5, 3004], [3000, 3000, 3002.5, 3002.51], [0, 0, 1, 1]]])
    scores = torch.zeros(1, 3, 100)
    scores[0, :, 99] = torch.tensor([0.5, 0.25, 0.125])
    for threshold, count in [(0.6280, 3), (0.6270, 2)]:
        (got,) = non_max_suppression(
            Predictions(boxes, scores), NmsSettings(score_threshold=0, iou_threshold=threshold)
        )
        assert len(got) == count


def test_negative_coordinates_do_not_overlap_another_class() -> None:
    # Offset by the largest coordinate plus one, the second box would lie on the first.
    boxes = torch.tensor([[[0, 0, 10, 10], [-11, -11, -1, -1]]])
    scores = torch.tensor([[[0.5, 0.0], [0.0, 0.25]]])
    (got,) = non_max_suppression(Predictions(boxes, scores), NmsSettings(score_threshold=0.1, iou_threshold=0.5))
    assert got.class_id.tolist() == [0, 1]


def test_equal_scores_keep_the_order_of_boxes() -> None:
    left = torch.arange(1500.0) * 2
    boxes = torch.stack([left, left, left + 1, left + 1], 1)
    predictions = Predictions(boxes[None], torch.full((1, 1500, 1), 0.5))
    (got,) = non_max_suppression(predictions, NmsSettings(score_threshold=0.1, iou_threshold=0.5, max_detections=1400))
    torch.testing.assert_close(got.xyxy, boxes[:1400])


def test_boxes_that_are_not_finite_are_left_out() -> None:
    nan, inf = float("nan"), float("inf")
    boxes = torch.tensor([[[0, 0, inf, 10], [nan, 0, 5, 5], [0, 0, 10, 10], [0, 0, 10, 9]]])
    scores = torch.tensor([[[0.9], [0.8], [0.7], [0.6]]])
    (got,) = non_max_suppression(Predictions(boxes, scores), NmsSettings(score_threshold=0.1, iou_threshold=0.5))
    assert got.xyxy.tolist() == [[0, 0, 10, 10]]
    (got,) = non_max_suppression(Predictions(boxes, scores * nan), NmsSettings(score_threshold=0.1, iou_threshold=0.5))
    assert len(got) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_result_dtypes(dtype: torch.dtype) -> None:
    boxes, scores = torch.tensor([[[0, 0, 8, 8]]], dtype=dtype), torch.tensor([[[0.5]]], dtype=dtype)
    (got,) = non_max_suppression(Predictions(boxes, scores), NmsSettings(score_threshold=0.1, iou_threshold=0.5))
    assert (got.xyxy.dtype, got.score.dtype, got.class_id.dtype) == (torch.float32, torch.float32, torch.int64)
    assert as_rows(got) == [((0, 0, 8, 8), 0.5, 0)]


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize(
    ("num_boxes", "score_threshold"),
    [
        (0, 0.1),  # no boxes
        (5, 0.9),  # none above the threshold
        (5, 0.5),  # scores at the threshold do not count
    ],
)
def test_nothing_found(num_boxes: int, score_threshold: float, multi_label: bool) -> None:
    predictions = Predictions(torch.zeros(2, num_boxes, 4), torch.full((2, num_boxes, 3), 0.5))
    found = non_max_suppression(
        predictions, NmsSettings(score_threshold=score_threshold, iou_threshold=0.5, multi_label=multi_label)
    )
    assert [(tuple(f.xyxy.shape), len(f), tuple(f.class_id.shape)) for f in found] == [((0, 4), 0, (0,))] * 2


def test_no_images() -> None:
    empty = Predictions(torch.zeros(0, 5, 4), torch.zeros(0, 5, 3))
    assert non_max_suppression(empty, NmsSettings(score_threshold=0.1, iou_threshold=0.5)) == []


def test_survivors_beyond_the_first_block_are_found() -> None:
    # 2,000 boxes x 20 classes with low scores, as early in training: survivors are beyond the first 1,000 candidates.
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(1, 2000, 2, generator=generator) * 4
    boxes = torch.cat([corners, corners + 300], -1)
    scores = torch.rand(1, 2000, 20, generator=generator) * 0.01
    (got,) = non_max_suppression(Predictions(boxes, scores), NmsSettings(score_threshold=0.001, iou_threshold=0.6))
    # All boxes overlap, so exactly one per class survives, the best.
    assert sorted(got.class_id.tolist()) == list(range(20))
    torch.testing.assert_close(got.score, scores[0].max(0).values.sort(descending=True).values)
