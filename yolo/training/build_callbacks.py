"""The callbacks of a run, and what they draw and upload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolo import distributed
from yolo.boxes.nms import NmsSettings
from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.config.recipe import flatten_settings
from yolo.engine.callbacks.checkpoints import Checkpoints
from yolo.engine.callbacks.clock import Clock
from yolo.engine.callbacks.progress_bar import ProgressBar
from yolo.engine.callbacks.results_csv import ResultsCsv
from yolo.engine.callbacks.run_logging import RunLogging
from yolo.engine.callbacks.stop_on_signal import StopOnSignal
from yolo.engine.callbacks.upload_run import Upload
from yolo.engine.loggers.mlflow import Mlflow
from yolo.engine.loggers.tensorboard import TensorBoard
from yolo.engine.loggers.wandb import Wandb
from yolo.evaluation.metric_plots import draw_pr_curves
from yolo.evaluation.preview import draw_predictions
from yolo.inference.detector import Detector
from yolo.model.network import Darknet
from yolo.training.validation import fitness
from yolo.urls import is_url, join_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import nn

    from yolo.config.run_settings import RunSettings
    from yolo.config.train_settings import TrainSettings
    from yolo.engine.callback import Callback
    from yolo.engine.loggers.base import Logger
    from yolo.engine.train_state import TrainState
    from yolo.training.validation import Validation

NUM_PREVIEW_IMAGES = 8
PREVIEW_SCORE = 0.25
PREVIEW_IOU = 0.45


def build_loggers(chosen: RunSettings, folder: Path) -> dict[str, Logger]:
    """Build TensorBoard and the logger that the settings name, by name.

    Raises:
        SettingsError: its package is not installed.
    """
    loggers: dict[str, Logger] = {"tensorboard": TensorBoard(folder)}
    if chosen.logger == "wandb":
        loggers["wandb"] = Wandb(chosen.project, folder)
    if chosen.logger == "mlflow":
        loggers["mlflow"] = Mlflow(chosen.project, folder)
    return loggers


def build_callbacks(
    settings: TrainSettings,
    *,
    folder: Path,
    size: int,
    device: torch.device,
    validation: Validation,
    description: dict[str, Any],
) -> list[Callback]:
    """Build the callbacks of this process, in their order; those that print and write run on rank 0 only.

    Args:
        settings: of the run.
        folder: of the run.
        size: side of the network input, pixels.
        device: to train on.
        validation: of the run.
        description: what a checkpoint holds besides the state: cfg, class names, settings.
    """
    if not distributed.is_main():
        return [StopOnSignal()]

    def save_best(best: nn.Module, state: TrainState, metrics: Mapping[str, float]) -> None:
        assert isinstance(best, Darknet)
        best.images_seen = state.images_seen
        contents = {"model": best.state_dict(), "images_seen": best.images_seen, "epoch": state.epoch}
        save_checkpoint(folder / "best.pt", {**description, **contents, "metrics": dict(metrics)})
        best.save_weights(folder / "best.weights")

    def draw(model: nn.Module) -> dict[str, npt.NDArray[np.uint8]]:
        """Return images of the predictions, and the curves of the last validation."""
        images = {"val_predictions": draw_preview(model, validation)}
        return images | ({"pr_curve": draw_pr_curves(validation.last)} if validation.last else {})

    saving = settings.saving
    targets = upload_targets(settings, folder)
    return [
        Clock(),
        ProgressBar(size, device),
        ResultsCsv(folder / "results.csv"),
        RunLogging(
            build_loggers(settings.run, folder),
            settings=flatten_settings(settings),
            folder=folder,
            draw=draw,
            period=settings.run.preview_period,
        ),
        Checkpoints(
            folder,
            description=description,
            fitness=fitness,
            save_best=save_best,
            interval_s=60 * saving.checkpoint_minutes,
            period=saving.save_period,
            only_at_end=saving.nosave,
        ),
        StopOnSignal(),  # after the last save, which a second signal must not cut off
        *([Upload(folder, targets)] if targets else []),
    ]


def upload_targets(settings: TrainSettings, folder: Path) -> list[str]:
    """Return the further places that the files of a run go to: the project if that is a URL, and the bucket."""
    places = [*([settings.run.project] if is_url(settings.run.project) else []), settings.saving.bucket]
    return list(dict.fromkeys(join_url(place, folder.name) for place in places if place))


def draw_preview(model: nn.Module, validation: Validation) -> npt.NDArray[np.uint8]:
    """Draw ground truth and predictions of the first validation images side by side: (H, W, 3), BGR."""
    assert isinstance(model, Darknet)
    detector = Detector(model, NmsSettings(score_threshold=PREVIEW_SCORE, iou_threshold=PREVIEW_IOU))
    return draw_predictions(validation.with_tiles(detector), validation.index, validation.preview, NUM_PREVIEW_IMAGES)
