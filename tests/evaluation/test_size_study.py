from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation import size_study
from yolo.evaluation.evaluate_model import EvaluationResult
from yolo.evaluation.metrics.analysis import analyse_detections
from yolo.evaluation.size_study import evaluate_sizes, format_size_study
from yolo.evaluation.speed import Speed

if TYPE_CHECKING:
    from yolo.config.test_settings import TestSettings
    from yolo.model.network import Darknet

INDEX = Index.from_records(["a"], [image_record([[0, 0, 10, 10]], [0])])


@pytest.mark.parametrize(
    ("img_size", "study_sizes", "expected"),
    [
        (None, (), [80, 128, 160, 192, 240]),  # 1/2 ... 3/2 of the cfg's 160, rounded to multiples of the stride
        (32, (), [16, 32, 48]),  # equal sizes once
        (32, (64, 320), [64, 320]),
    ],
)
def test_sizes(
    monkeypatch: pytest.MonkeyPatch, img_size: int | None, study_sizes: tuple[int, ...], expected: list[int]
) -> None:
    monkeypatch.setattr(size_study, "largest_stride", lambda graph: 16)
    monkeypatch.setattr(size_study, "evaluate_model", lambda settings, model, index, size: f"result at {size}")
    model = cast("Darknet", SimpleNamespace(graph=None, net=SimpleNamespace(width=160)))
    settings = cast("TestSettings", SimpleNamespace(img_size=img_size, study_sizes=study_sizes))
    results: dict[int, Any] = {**evaluate_sizes(settings, model, INDEX)}
    assert results == {size: f"result at {size}" for size in expected}
    assert list(results) == expected


def test_table_has_a_row_for_each_size() -> None:
    detections = flat_detections([(0, [0, 0, 10, 10], 0.9, 0)])
    result = EvaluationResult(
        detections, analyse_detections(INDEX, detections, 0.25), None, Speed(load=1, forward=2, nms=2, num_images=1)
    )
    assert format_size_study({320: result}).splitlines() == [
        "size  mAP50  mAP50-95  load ms  forward ms  NMS ms  images/s",
        "320   1.000     1.000      1.0         2.0     2.0     200.0",
    ]
