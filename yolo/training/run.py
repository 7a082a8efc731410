"""A training run from its settings to its report."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from yolo import distributed
from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.engine.callbacks.clock import Clock
from yolo.engine.callbacks.results_csv import ResultsCsv
from yolo.engine.callbacks.upload_run import Upload
from yolo.engine.memory import GIB, peak_memory
from yolo.evaluation.metric_plots import draw_pr_curves
from yolo.evaluation.preview import draw_batch
from yolo.evaluation.run_plots import plot_results
from yolo.evaluation.tables import format_class_table
from yolo.remote.runs import resume_argument
from yolo.training.build_callbacks import draw_preview
from yolo.training.build_training import Training, build_training
from yolo.training.out_of_memory import explain_errors
from yolo.training.verdict import judge
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.config.train_settings import TrainSettings
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics

logger = logging.getLogger(__name__)

NUM_BATCH_IMAGES = 2
SUMMARY_SCORES = ("mAP50", "mAP50-95", "precision", "recall")


def run_training(settings: TrainSettings) -> None:
    """Train as the settings say, on each of the processes that do so together, and report on rank 0."""
    with explain_errors(settings):
        training = build_training(settings)
    logger.info("%s", training.summary)
    if not training.trainer.state.step and distributed.is_main():
        write_batch_images(training)
    with explain_errors(training.settings):
        training.trainer.train()
    reason = training.trainer.stop_reason
    if training.trainer.is_interrupted:
        run_name = resume_argument(training.folder, settings.run.project)
        logger.info("stopped (%s); go on with: python -m yolo.train --resume %s", reason, run_name)
        return
    if reason:
        logger.info("stopped: %s", reason)
    with finished_uploads(training):
        metrics = score_best(training)
        if distributed.is_main():
            draw_report(training, metrics)
            sys.stdout.write(format_class_table(metrics) + "\n")
    if distributed.is_main():
        logger.info("%s", describe_result(training))


@contextmanager
def finished_uploads(training: Training) -> Iterator[None]:
    """Wait at the end of the block, even after an error, until every file of the run is uploaded."""
    try:
        yield
    finally:
        for upload in uploads(training):
            upload.finish()


def uploads(training: Training) -> list[Upload]:
    """Return the callback that uploads, if there is one."""
    return [callback for callback in training.trainer.callbacks if isinstance(callback, Upload)]


def write_batch_images(training: Training) -> None:
    """Draw the first training batches, as the network will get them."""
    names = training.data.validation.index.names
    for number, batch in enumerate(islice(training.data.loader, NUM_BATCH_IMAGES)):
        write_image(training.folder / f"train_batch{number}.jpg", draw_batch(batch, names))


def score_best(training: Training) -> CocoMetrics:
    """Validate the best epoch once more, as its file has it."""
    state = distributed.run_on_main_and_broadcast(lambda: load_checkpoint(training.folder / "best.pt"))
    model = training.trainer.ema.model
    model.load_state_dict(state["model"])
    return training.data.validation.score(model, "validate the best epoch")


def draw_report(training: Training, metrics: CocoMetrics) -> None:
    """Draw the predictions and curves of the best epoch, and the curves of the run."""
    folder, model = training.folder, training.trainer.ema.model
    write_image(folder / "val_predictions.jpg", draw_preview(model, training.data.validation))
    plot_results(folder / "results.csv", folder / "results.png")
    write_image(folder / "pr_curve.png", draw_pr_curves(metrics))


def describe_result(training: Training) -> str:
    """Return the best epoch and its scores, the verdict, time and memory, and where the files are."""
    best = load_checkpoint(training.folder / "best.pt")
    metrics = {name.removeprefix("metrics/"): value for name, value in best["metrics"].items()}
    scores = ", ".join(f"{name} {metrics[name]:.3f}" for name in SUMMARY_SCORES)
    (clock,) = (each for each in training.trainer.callbacks if isinstance(each, Clock))
    minutes, seconds = divmod(round(clock.seconds), 60)
    places = ", and in ".join([str(training.folder), *(place for each in uploads(training) for place in each.complete)])
    epochs, memory = training.trainer.state.epoch, peak_memory(training.device) / GIB
    return (
        f"best epoch {best['epoch']} of {epochs}: {scores}\n"
        f"{describe_verdict(training)}"
        f"{minutes // 60} h {minutes % 60} min {seconds} s, at most {memory:.1f} GiB of memory on {training.device}\n"
        f"results in {places}: best.pt, best.weights with model.cfg, results.csv, images"
    )


def describe_verdict(training: Training) -> str:
    """Return the line with the verdict on the run; empty if it was not validated each epoch."""
    settings, trainer = training.settings, training.trainer
    if settings.saving.notest:
        return ""
    longer = f"--epochs {2 * trainer.epochs}"
    if settings.schedule.cfg_batches:
        longer = "a larger max_batches in [net] of the cfg"
    if trainer.state.epoch < trainer.epochs:
        longer = f"--patience {2 * settings.saving.patience}"
    (results,) = (each for each in trainer.callbacks if isinstance(each, ResultsCsv))
    text = judge(results.rows, longer)
    return f"verdict: {text}\n" if text else ""
