"""Run a network over a split: its detections, their metrics, and the time it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yolo import distributed
from yolo.boxes.nms import NmsSettings
from yolo.data.sample import Shard
from yolo.data.tiles import choose_tiles
from yolo.errors import SettingsError
from yolo.evaluation.collect_detections import collect_detections
from yolo.evaluation.evaluation_loader import (
    build_evaluation_loader,
    build_tiled_detector,
    build_tiled_evaluation_loader,
    rect_input_sizes,
)
from yolo.evaluation.evaluator import Evaluator
from yolo.evaluation.metrics.analysis import analyse_detections
from yolo.evaluation.metrics.darknet_map import compute_darknet_map
from yolo.evaluation.metrics.voc_map import compute_voc_map
from yolo.evaluation.speed import Stopwatch
from yolo.evaluation.tables import format_ap, format_class_table, format_error_kinds, format_summary
from yolo.inference.augmented_detector import AugmentedDetector
from yolo.inference.darknet_detector import DarknetDetector
from yolo.inference.darknet_loader import DarknetLoader
from yolo.inference.detector import Detector
from yolo.layers.dense import Connected
from yolo.model.input_sizes import input_size, largest_stride

if TYPE_CHECKING:
    from yolo.config.test_settings import TestSettings
    from yolo.data.index import Index
    from yolo.evaluation.collect_detections import BatchDetector, BatchLoader
    from yolo.evaluation.metrics.analysis import DetectionAnalysis
    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.metrics.flat_detections import FlatDetections
    from yolo.evaluation.speed import Speed
    from yolo.model.network import Darknet

# Error kinds whose key in the JSON files differs.
_JSON_ERROR_KEYS = {"classification": "class", "localization": "place"}


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The results of a pass over a split."""

    detections: FlatDetections
    analysis: DetectionAnalysis
    ap: ApMetrics | None  # of VOC's or Darknet's metric; None: the metric is `analysis.coco`
    speed: Speed

    def __str__(self) -> str:
        coco = self.analysis.coco
        metrics = format_ap(self.ap) if self.ap else f"{format_class_table(coco)}\n\n{format_summary(coco)}"
        errors = format_error_kinds(self.analysis.errors, self.analysis.confidence)
        return f"{metrics}\n\n{errors}\n\n{self.speed}"

    def as_json(self) -> dict[str, Any]:
        """Return every number except the speed, so that the same weights give the same file."""
        coco = self.analysis.coco
        metrics = self.ap.as_json() if self.ap else coco.scalars() | coco.as_json()
        errors = {
            _JSON_ERROR_KEYS.get(kind.name, kind.name): {"count": kind.count, "mAP50 lost": kind.map50_lost}
            for kind in self.analysis.errors
        }
        return metrics | {"errors": errors, "errors_at_confidence": self.analysis.confidence}

    def as_json_with_speed(self) -> dict[str, Any]:
        """Return every number."""
        return self.as_json() | {"speed_ms": self.speed.as_json()}


def evaluate_model(
    settings: TestSettings, model: Darknet, index: Index, img_size: int | None = None
) -> EvaluationResult:
    """Evaluate a network on a split; with several processes each one loads its share, and all get rank 0's result.

    Args:
        settings: resolved.
        model: in eval mode.
        index: the split.
        img_size: side of the network input, pixels; None: that of the settings.
    """
    detector, loader = _build_detector_and_loader(settings, model, index, img_size or settings.img_size)
    evaluator = Evaluator(index)
    stopwatch = Stopwatch(model)
    with stopwatch.running():
        num_images = collect_detections(detector, loader, evaluator, settings.split or "val", stopwatch.end_batch)
    speed = stopwatch.speed(num_images)
    detections = evaluator.gather_detections()
    return distributed.run_on_main_and_broadcast(
        lambda: EvaluationResult(
            detections,
            analyse_detections(index, detections, settings.conf),
            _compute_ap(settings, index, detections),
            speed,
        )
    )


def _build_detector_and_loader(
    settings: TestSettings, model: Darknet, index: Index, img_size: int | None
) -> tuple[BatchDetector, BatchLoader]:
    fit, conf_thres, iou_thres = settings.fit, settings.conf_thres, settings.iou_thres
    assert fit is not None
    assert conf_thres is not None
    assert iou_thres is not None
    shard = Shard(distributed.rank(), distributed.world_size())
    if settings.metric == "darknet":
        size_wh = (img_size, img_size) if img_size else (model.net.width, model.net.height)
        darknet_detector = DarknetDetector(model, score_threshold=conf_thres, iou_threshold=iou_thres, fit=fit)
        return darknet_detector, DarknetLoader(index, size_wh, fit, workers=settings.workers, shard=shard)
    if settings.augment and any(isinstance(node.spec, Connected) for node in model.nodes):
        raise SettingsError(
            f"--augment: {model.cfg.path} has [connected] layers, which accept one input size only; omit --augment"
        )
    size = input_size(model.graph, img_size, any_multiple=settings.rect)
    detector = Detector(model, NmsSettings(score_threshold=conf_thres, iou_threshold=iou_thres))
    if grid := choose_tiles(settings, size):
        tiled_loader = build_tiled_evaluation_loader(
            index, grid, size=size, workers=settings.workers, device=detector.device, shard=shard
        )
        return build_tiled_detector(detector, settings.batch_size), tiled_loader
    loader = build_evaluation_loader(
        index,
        size=size,
        batch_size=settings.batch_size,
        workers=settings.workers,
        device=detector.device,
        fit=fit,
        input_sizes=rect_input_sizes(index, model.graph, size) if settings.rect else None,
        shard=shard,
    )
    return AugmentedDetector(detector, largest_stride(model.graph)) if settings.augment else detector, loader


def _compute_ap(settings: TestSettings, index: Index, detections: FlatDetections) -> ApMetrics | None:
    thresholds = {"iou_threshold": settings.match_iou, "confidence": settings.conf}
    if settings.metric == "coco":
        return None
    if settings.metric == "darknet":
        return compute_darknet_map(index, detections, points=settings.points, **thresholds)
    return compute_voc_map(index, detections, metric=settings.metric, **thresholds)
