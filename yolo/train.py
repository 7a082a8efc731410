"""`python -m yolo.train`: train a network."""

from __future__ import annotations

import logging
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.build import Training, build_training
from yolo.config import read_train_settings
from yolo.engine.callbacks.clock import Clock
from yolo.engine.checkpoint import load_checkpoint
from yolo.engine.memory import GIB, peak_memory
from yolo.evaluation.plots import draw_curves
from yolo.evaluation.report import plot_results
from yolo.evaluation.tables import format_table
from yolo.evolve import evolve
from yolo.gallery import draw_batch, write_picture
from yolo.inference import evaluate
from yolo.loading import evaluation_detector, load_model
from yolo.program import run
from yolo.remedies import remedies
from yolo.storage import mirror
from yolo.watching import draw_detections

if TYPE_CHECKING:
    from yolo.evaluation.coco import CocoMetrics

logger = logging.getLogger("yolo.train")

NUM_BATCH_PICTURES = 2
SCORES = ("mAP50", "mAP50-95", "precision", "recall")


def main() -> None:
    """Read the command line, train, and report."""
    settings = read_train_settings()
    if settings.search.evolve:
        evolve(settings)
        return
    with remedies(settings):
        training = build_training(settings)
    logger.info("%s", training.summary)
    if not training.trainer.state.step:
        write_batch_pictures(training)
    with remedies(training.settings):
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
    logger.info("%s", describe_run(training))


def write_batch_pictures(training: Training) -> None:
    """The first training batches, as the network will get them."""
    names = training.score.index.names
    for number, batch in enumerate(islice(training.train_loader, NUM_BATCH_PICTURES)):
        write_picture(training.folder / f"train_batch{number}.jpg", draw_batch(batch, names))


def report_best(training: Training) -> CocoMetrics:
    """Score the best epoch once more, from its file, and draw what it finds."""
    model, _ = load_model(None, str(training.folder / "best.pt"), training.device)
    score = training.score
    write_picture(training.folder / "val_predictions.jpg", draw_detections(model, score))
    plot_results(training.folder / "results.csv", training.folder / "results.png")
    metrics = evaluate(evaluation_detector(model), score.loader, score.evaluator, "validate the best epoch")
    write_picture(training.folder / "pr_curve.png", draw_curves(metrics))
    return metrics


def describe_run(training: Training) -> str:
    """The best epoch and its numbers, what the run took, and where it is, for people."""
    best = load_checkpoint(training.folder / "best.pt")
    metrics = {name.removeprefix("metrics/"): value for name, value in best["metrics"].items()}
    scores = ", ".join(f"{name} {metrics[name]:.3f}" for name in SCORES)
    (clock,) = (each for each in training.trainer.callbacks if isinstance(each, Clock))
    minutes, seconds = divmod(round(clock.seconds), 60)
    epochs, memory = training.trainer.state.epoch, peak_memory(training.device) / GIB
    return (
        f"best epoch {best['epoch']} of {epochs}: {scores}\n"
        f"{minutes // 60} h {minutes % 60} min {seconds} s, at most {memory:.1f} GiB of memory on {training.device}\n"
        f"results in {training.folder}: best.pt, best.weights with model.cfg, results.csv, pictures"
    )


if __name__ == "__main__":
    raise SystemExit(run(main))
