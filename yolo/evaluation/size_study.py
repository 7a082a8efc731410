"""Accuracy and speed of one network at several input sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.evaluation.evaluate_model import evaluate_model
from yolo.evaluation.metric_plots import draw_speed_accuracy
from yolo.evaluation.result_files import write_json
from yolo.evaluation.tables import format_number
from yolo.model.input_sizes import largest_stride
from yolo.text_table import align_columns
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.config.test_settings import TestSettings
    from yolo.data.index import Index
    from yolo.evaluation.evaluate_model import EvaluationResult
    from yolo.evaluation.tables import Row
    from yolo.model.network import Darknet

DEFAULT_SCALES = (0.5, 0.75, 1, 1.25, 1.5)  # of the network's input size


def evaluate_sizes(settings: TestSettings, model: Darknet, index: Index) -> dict[int, EvaluationResult]:
    """Evaluate a network at each size: side in pixels -> result."""
    stride = largest_stride(model.graph)
    base = settings.img_size or model.net.width
    default_sizes = dict.fromkeys(max(1, round(base * scale / stride)) * stride for scale in DEFAULT_SCALES)
    return {size: evaluate_model(settings, model, index, size) for size in settings.study_sizes or default_sizes}


def format_size_study(results: dict[int, EvaluationResult]) -> str:
    """Format a table with a row for each size."""
    rows: list[Row] = [("size", "mAP50", "mAP50-95", "load ms", "forward ms", "NMS ms", "images/s")]
    for size, result in results.items():
        coco, speed = result.analysis.coco, result.speed
        maps = (format_number(coco.map50), format_number(coco.map50_95))
        times = (f"{ms:.1f}" for ms in (speed.load, speed.forward, speed.nms, 1000 / speed.total))
        rows.append((str(size), *maps, *times))
    return "\n".join(align_columns(rows))


def write_size_study(folder: Path, results: dict[int, EvaluationResult]) -> None:
    """Write the plot `study.png` and the numbers `study.json`."""
    ms = [result.speed.forward + result.speed.nms for result in results.values()]
    maps = [result.analysis.coco.map50_95 for result in results.values()]
    write_image(folder / "study.png", draw_speed_accuracy(list(results), ms, maps))
    write_json(folder / "study.json", {str(size): result.as_json_with_speed() for size, result in results.items()})
