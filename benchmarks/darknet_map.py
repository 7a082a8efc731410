"""Compare `--metric darknet` with the output of the C Darknet's `detector map`.

python -m benchmarks.darknet_map DARKNET.json --weights W --cfg C --data D

DARKNET.json holds "iou_0.50" and "iou_0.75", each with per_class (percent), tp, fp, fn, avg_iou (percent), detections
and map_over_80 (0..1). Exits with 1 if the AP of a class differs by more than .1 point, or any count differs.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from yolo.checkpoints.loading import load_model
from yolo.data.formats.open_dataset import open_dataset
from yolo.evaluation.collect_detections import collect_detections
from yolo.evaluation.evaluator import Evaluator
from yolo.evaluation.metrics.darknet_map import compute_darknet_map
from yolo.inference.darknet_detector import DarknetDetector
from yolo.inference.darknet_loader import DarknetLoader

MAX_DIFFERENCE = 0.1  # points of AP


@dataclass(frozen=True)
class Options:
    """Darknet's recorded output, and the model and data that it evaluated."""

    golden: tyro.conf.Positional[Path]
    weights: str
    cfg: str
    data: str


def main() -> None:
    """Collect the detections once and compare the metrics at both IoU thresholds."""
    options = tyro.cli(Options)
    model, _ = load_model(options.cfg, options.weights, torch.device("cpu"))
    index = open_dataset(options.data).index("val")
    loader = DarknetLoader(index, (model.net.width, model.net.height), "stretch", workers=1)
    evaluator = Evaluator(index)
    collect_detections(DarknetDetector(model), loader, evaluator, "val")
    differs = False
    for name, golden in json.loads(options.golden.read_text()).items():
        if not name.startswith("iou_"):
            continue
        iou = float(name.removeprefix("iou_"))
        metrics = compute_darknet_map(
            index, evaluator.gather_detections(), iou_threshold=iou, points=0, confidence=0.25
        )
        difference, class_name = max(
            (abs(100 * row.ap - golden["per_class"].get(row.name, 0)), row.name) for row in metrics.classes
        )
        ours = (metrics.tp, metrics.fp, metrics.fn, metrics.num_detections)
        theirs = tuple(golden[key] for key in ("tp", "fp", "fn", "detections"))
        print(f"IoU {iou}: TP, FP, FN, detections {ours}, Darknet {theirs}")
        print(f"  average IoU {100 * metrics.average_iou:.2f}, Darknet {golden['avg_iou']}")
        print(f"  mAP {metrics.mean_ap:.6f}, Darknet {golden['map_over_80']}")
        print(f"  largest difference of a class: {difference:.4f} points ({class_name})")
        differs |= difference > MAX_DIFFERENCE or ours != theirs
    sys.exit(differs)


if __name__ == "__main__":
    main()
