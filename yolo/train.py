"""`python -m yolo.train`: train a network."""

from __future__ import annotations

import logging
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.build import Training, build_training
from yolo.config import read_train_settings
from yolo.evaluation.report import format_table, plot_results
from yolo.evolve import evolve
from yolo.gallery import draw_batch, draw_predictions, write_picture
from yolo.inference import Detector, evaluate
from yolo.load import evaluation_detector, load_model
from yolo.program import run
from yolo.storage import mirror

if TYPE_CHECKING:
    from yolo.evaluation.coco import CocoMetrics

logger = logging.getLogger("yolo.train")

NUM_BATCH_PICTURES = 2
NUM_PREDICTIONS = 8
SHOWN_SCORE = 0.25


def main() -> None:
    """Read the command line, train, and report."""
    settings = read_train_settings()
    if settings.search.evolve:
        evolve(settings)
        return
    training = build_training(settings)
    logger.info("%s", training.summary)
    if not training.trainer.state.step:
        write_batch_pictures(training)
    training.trainer.train()
    reason = training.trainer.stop_reason
    if training.trainer.state.batches:
        logger.info("stopped (%s); go on with: python -m yolo.train --resume %s", reason, training.folder)
        return
    if reason:
        logger.info("stopped: %s", reason)
    sys.stdout.write(format_table(report_best(training)) + "\n")
    if settings.saving.bucket:
        mirror(training.folder, Path(settings.saving.bucket).expanduser() / training.folder.name)
    logger.info("results in %s: best.pt, best.weights with model.cfg, results.csv, pictures", training.folder)


def write_batch_pictures(training: Training) -> None:
    """The first training batches, as the network will get them."""
    names = training.score.index.names
    for number, batch in enumerate(islice(training.train_loader, NUM_BATCH_PICTURES)):
        write_picture(training.folder / f"train_batch{number}.jpg", draw_batch(batch, names))


def report_best(training: Training) -> CocoMetrics:
    """Score the best epoch once more, from its file, and draw what it finds."""
    model, _ = load_model(None, str(training.folder / "best.pt"), training.device)
    score = training.score
    detector = Detector(model, score_threshold=SHOWN_SCORE, iou_threshold=0.45)
    pictures = draw_predictions(detector, score.index, score.loader, NUM_PREDICTIONS)
    write_picture(training.folder / "val_predictions.jpg", pictures)
    plot_results(training.folder / "results.csv", training.folder / "results.png")
    return evaluate(evaluation_detector(model), score.loader, score.evaluator, "validate the best epoch")


if __name__ == "__main__":
    raise SystemExit(run(main))
