"""What watches a run, put together: the list of its callbacks, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolo import distributed
from yolo.boxes.nms import NmsSettings
from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.config.recipe import flat
from yolo.engine.callbacks.checkpoints import Checkpoints
from yolo.engine.callbacks.clock import Clock
from yolo.engine.callbacks.evaluation import Evaluation
from yolo.engine.callbacks.progress import ProgressBar
from yolo.engine.callbacks.results_csv import ResultsCsv
from yolo.engine.callbacks.run_logging import Logging
from yolo.engine.callbacks.stopping import EarlyStop, StopOnSignal
from yolo.engine.callbacks.upload import Bucket
from yolo.engine.loggers.mlflow import Mlflow
from yolo.engine.loggers.tensorboard import TensorBoard
from yolo.engine.loggers.wandb import Wandb
from yolo.evaluation.metric_plots import draw_pr_curves
from yolo.evaluation.preview import draw_predictions
from yolo.inference.detector import Detector
from yolo.model.network import Darknet
from yolo.training.validation import fitness
from yolo.urls import is_url, join

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import nn

    from yolo.config.train_settings import TrainSettings
    from yolo.data.index import Index
    from yolo.data.sample import Batch
    from yolo.engine.callback import Callback
    from yolo.engine.loggers.base import Logger
    from yolo.engine.trainer import TrainState
    from yolo.training.validation import ValidationScore

NUM_PREDICTIONS = 8
SHOWN_SCORE = 0.25
SHOWN_IOU = 0.45


def build_loggers(settings: TrainSettings, folder: Path) -> dict[str, Logger]:
    """TensorBoard, and what the settings name, by name.

    Raises:
        SettingsError: its package is not installed.
    """
    loggers: dict[str, Logger] = {"tensorboard": TensorBoard(folder)}
    if settings.logger == "wandb":
        loggers["wandb"] = Wandb(settings.project, folder)
    if settings.logger == "mlflow":
        loggers["mlflow"] = Mlflow(settings.project, folder)
    return loggers


def build_callbacks(
    settings: TrainSettings,
    *,
    folder: Path,
    size: int,
    device: torch.device,
    score: ValidationScore,
    description: dict[str, Any],
) -> list[Callback]:
    """The callbacks of a run, in their order.

    Args:
        settings: of the run.
        folder: of the run.
        size: side of the network input, pixels.
        device: where it trains.
        score: scores a model on the validation split.
        description: what a checkpoint says beside the state: cfg, class names, settings.
    """

    def save_best(best: nn.Module, state: TrainState, metrics: dict[str, float]) -> None:
        assert isinstance(best, Darknet)
        best.images_seen = state.images_seen
        written = {"model": best.state_dict(), "images_seen": best.images_seen, "epoch": state.epoch}
        save_checkpoint(folder / "best.pt", {**description, **written, "metrics": metrics})
        best.save_weights(folder / "best.weights")

    def draw(model: nn.Module) -> dict[str, npt.NDArray[np.uint8]]:
        """Of the evaluation that came just before: its curves."""
        images = {"val_predictions": draw_detections(model, score)}
        return images | ({"pr_curve": draw_pr_curves(score.last)} if score.last else {})

    saving = settings.saving
    patience = 0 if saving.notest else saving.patience  # without scores, none is better
    evaluation = Evaluation(score, only_last=saving.notest)
    early_stop = [EarlyStop(fitness, patience)] if patience else []
    if not distributed.is_main():  # the main process prints and writes; these change where the run ends, on all alike
        return [evaluation, StopOnSignal(), *early_stop]
    return [
        Clock(),
        ProgressBar(size, device),
        evaluation,
        ResultsCsv(folder / "results.csv"),
        Logging(
            build_loggers(settings, folder),
            settings=flat(settings),
            folder=folder,
            draw=draw,
            period=settings.preview_period,
        ),
        StopOnSignal(),
        *early_stop,
        Checkpoints(
            folder,
            description=description,
            fitness=fitness,
            save_best=save_best,
            interval_s=60 * saving.checkpoint_minutes,
            period=saving.save_period,
            only_at_end=saving.nosave,
        ),
        *([Bucket(folder, targets)] if (targets := upload_targets(settings, folder)) else []),
    ]


def upload_targets(settings: TrainSettings, folder: Path) -> list[str]:
    """Where a run's files go beside its folder: the project where that is a URL, and the bucket."""
    places = [*([settings.project] if is_url(settings.project) else []), settings.saving.bucket]
    return list(dict.fromkeys(join(place, folder.name) for place in places if place))


def draw_detections(model: nn.Module, score: ValidationScore) -> npt.NDArray[np.uint8]:
    """Truth and detections of the first validation images side by side: (H, W, 3), BGR."""
    assert isinstance(model, Darknet)
    detector = Detector(model, NmsSettings(score_threshold=SHOWN_SCORE, iou_threshold=SHOWN_IOU))
    return draw_predictions(detector, score.index, score.preview, NUM_PREDICTIONS)


def describe_batch(batch: Batch, index: Index) -> str:
    """The images of a batch by name; of a mosaic, the first of its images."""
    return ", ".join(index.path(image_id).name for image_id in batch.image_ids)
