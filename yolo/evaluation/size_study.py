"""Accuracy and speed of one network over sizes of its input."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from yolo.evaluation.metric_plots import draw_speed_accuracy
from yolo.evaluation.scoring import score
from yolo.evaluation.tables import number
from yolo.model.input_sizes import largest_stride
from yolo.text_table import align_columns
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.config.test_settings import TestSettings
    from yolo.data.index import Index
    from yolo.evaluation.scoring import Score
    from yolo.evaluation.tables import Row
    from yolo.model.network import Darknet

SHARES = (0.5, 0.75, 1, 1.25, 1.5)  # of the network's size


def study(settings: TestSettings, model: Darknet, index: Index) -> dict[int, Score]:
    """Score a network at each size: side in pixels -> score."""
    stride = largest_stride(model.graph)
    base = settings.img_size or model.net.width
    sizes = settings.study_sizes or dict.fromkeys(max(1, round(base * share / stride)) * stride for share in SHARES)
    return {size: score(settings, model, index, size) for size in sizes}


def format_study(scores: dict[int, Score]) -> str:
    """A row for each size."""
    rows: list[Row] = [("size", "mAP50", "mAP50-95", "load ms", "forward ms", "NMS ms", "images/s")]
    for size, found in scores.items():
        coco, speed = found.analysis.coco, found.speed
        numbers = (number(coco.map50), number(coco.map50_95))
        times = (f"{ms:.1f}" for ms in (speed.load, speed.forward, speed.nms, 1000 / speed.total))
        rows.append((str(size), *numbers, *times))
    return "\n".join(align_columns(rows))


def write_study(folder: Path, scores: dict[int, Score]) -> None:
    """Write the plot and the numbers."""
    speeds = [found.speed for found in scores.values()]
    ms = [speed.forward + speed.nms for speed in speeds]
    maps = [found.analysis.coco.map50_95 for found in scores.values()]
    write_image(folder / "study.png", draw_speed_accuracy(list(scores), ms, maps))
    rows = {size: found.as_json() | {"speed_ms": asdict(found.speed)} for size, found in scores.items()}
    (folder / "study.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
