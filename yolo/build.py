"""From settings to parts: the only file that sees every floor."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from yolo.batch_size import find_batch_size
from yolo.config import SETTINGS_FILE
from yolo.darknet.cfg import CfgFile
from yolo.data.anchors import warn_of_poor_anchors
from yolo.data.dataset import DetectionDataset
from yolo.data.loader import DetectionLoader, batches_of, build_loader
from yolo.data.picture_cache.choose import build_cache
from yolo.data.sources import open_source
from yolo.engine.checkpoint import load_checkpoint
from yolo.engine.compiling import compile_model
from yolo.engine.ema import ModelEma, fitted_to_run
from yolo.engine.freeze import Freeze
from yolo.engine.loggers.base import load_package
from yolo.engine.phases import PhasedLoader
from yolo.engine.precision import build_precision
from yolo.engine.schedule_plot import plot_schedule
from yolo.engine.trainer import Trainer
from yolo.evaluation.evaluator import Evaluator
from yolo.frozen_layers import format_trained, frozen_layers
from yolo.heads import anchors_of
from yolo.input_sizes import InputSizes
from yolo.loading import evaluation_loader, new_run_folder, rect_sizes, select_device
from yolo.losses.registry import build_loss
from yolo.model import Darknet, with_classes
from yolo.objective import DetectionObjective, ValidationScore
from yolo.optimization import batch_size_at, build_phases, describe_phases, follow_net, num_steps, prepare_optimizer
from yolo.recipe import flat, write_settings
from yolo.rng import seed_everything
from yolo.transfer import initialize_heads, transfer, without_class_term
from yolo.watching import build_callbacks, describe_batch

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch.optim import Optimizer

    from yolo.data.index import Index
    from yolo.settings import TrainSettings

logger = logging.getLogger(__name__)

MODEL_CFG = "model.cfg"


def build_model(original: CfgFile, weights: str, num_classes: int) -> Darknet:
    """The network for a data set: heads of the right size, weights from a file where one is named."""
    model = Darknet(original)
    if model.num_classes != num_classes:
        logger.info("%s: heads set from %d to %d classes", original.path, model.num_classes, num_classes)
        model = Darknet(with_classes(original, num_classes))
    initialize_heads(model)
    if weights:
        transfer(model, Path(weights), original).log()
    if num_classes == 1:
        without_class_term(model)
    return model


@dataclass(frozen=True, slots=True)
class Training:
    """A run that is ready to start."""

    folder: Path
    trainer: Trainer
    device: torch.device
    settings: TrainSettings  # with all numbers that were still to be found
    train_loader: PhasedLoader
    score: ValidationScore
    summary: str  # what is about to happen, for people


def build_training(settings: TrainSettings) -> Training:
    """Everything that a run needs, from its settings; the run's folder is made last, when nothing else can fail."""
    seed_everything(settings.seed, deterministic=settings.deterministic)
    device = select_device(settings.device)
    if settings.logger != "none":
        load_package(settings.logger)
    # The network before the data, which may take a while to read.
    cfg = CfgFile.read(Path(settings.resume) / MODEL_CFG if settings.resume else settings.cfg)
    sizes = InputSizes.of(cfg, settings.sizes, rect=settings.rect, seed=settings.seed)
    size = sizes.train
    source = open_source(settings.data)
    train_index, val_index = source.index("train"), source.index("val")
    if settings.single_cls:
        train_index, val_index = train_index.single_class(), val_index.single_class()
    names = train_index.names
    weights = "" if settings.resume else settings.weights
    model = build_model(cfg, weights, len(names)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    settings = follow_net(settings, model.net, len(train_index))
    frozen = frozen_layers(model, settings.freezing.freeze, settings.freezing.freeze_layers)
    if settings.grad_checkpoint:
        model.gradient_checkpointing_enable()
    precision = build_precision(settings.precision, device)
    if settings.compile:
        compile_model(model, device, dynamic=settings.rect or sizes.varied is not None)
    if settings.batch_size == "auto":
        found = find_batch_size(settings, model, precision, device, sizes.largest, train_index)
        settings = replace(settings, batch_size=found)
    dataset = build_dataset(settings, train_index, cfg, size)

    def training_loader(batch_size: int) -> DetectionLoader:
        return build_loader(
            dataset,
            batch_size=batch_size,
            workers=settings.workers,
            order="weighted" if settings.image_weights else "shuffled",
            seed=settings.seed,
            pin_memory=device.type == "cuda",
        )

    train_loader = PhasedLoader(training_loader, functools.partial(batch_size_at, settings))
    val_loader = evaluation_loader(
        val_index,
        size=sizes.test,
        batch_size=settings.images_per_batch,
        workers=settings.workers,
        device=device,
        input_sizes=rect_sizes(val_index, cfg, sizes.test) if settings.rect else None,
    )
    score = ValidationScore(val_index, val_loader, Evaluator(val_index))
    warn_of_poor_anchors(train_index, anchors_of(model.cfg), (size, size), settings.shape_match.iou_t, model.cfg.path)
    loss = build_loss(
        settings.loss,
        model,
        settings.shape_match,
        images_seen=lambda: trainer.state.images_seen,
        objectness_ratio=lambda: schedule.objectness_ratio_at(trainer.epoch_progress),
    )
    num_batches = functools.partial(batches_of, dataset)
    schedule = build_phases(settings, model.net, len(train_index), num_batches)
    optimizer = prepare_optimizer(settings, model, schedule, len(train_index))
    steps = num_steps(schedule, settings, num_batches)
    decay, warm_up = fitted_to_run(settings.optimization.ema_decay, steps, settings.optimization.ema_share)
    folder = run_folder(settings, model)
    if settings.policy.plot_schedule:
        plot_schedule(schedule, folder / "schedule.png")
    description = {"cfg": model.cfg.text, "names": list(names), "settings": flat(replace(settings, resume=""))}

    trainer = Trainer(
        model=model,
        objective=DetectionObjective(loss, device),
        loader=train_loader,
        optimizer=optimizer,
        schedule=schedule,
        precision=precision,
        ema=ModelEma(model, decay=decay, warm_up=warm_up),
        clip_grad_norm=settings.optimization.clip_grad_norm,
        sizes=sizes.varied,
        freeze=Freeze([model.layers[index] for index in frozen], settings.freezing.freeze_epochs),
        describe=functools.partial(describe_batch, index=train_index),
        callbacks=build_callbacks(
            settings, folder=folder, size=size, device=device, score=score, description=description
        ),
    )
    precision.prepare(model, optimizer)
    trainer.state.images_seen = model.images_seen  # what the loaded weights were trained on counts
    if settings.resume:
        resume(trainer, folder)
    summary = (
        f"{folder}: {model.cfg.path}, {model.num_parameters:,} parameters, {sizes}, on {device}; "
        f"{len(train_index)} training and {len(val_index)} validation pictures, {len(names)} classes; "
        + describe_phases(schedule, settings, num_batches)
    )
    if frozen:
        summary += describe_freezing(settings, model, frozen, optimizer)
    return Training(folder, trainer, device, settings, train_loader, score, summary)


def run_folder(settings: TrainSettings, model: Darknet) -> Path:
    """The folder of a run, with its network and settings in it: a new one, or that which is resumed."""

    def fill(folder: Path) -> None:
        model.cfg.write(folder / MODEL_CFG)
        write_settings(settings, folder / SETTINGS_FILE)

    if not settings.resume:
        return new_run_folder(settings.project, settings.name, fill)
    fill(Path(settings.resume))
    return Path(settings.resume)


def build_dataset(settings: TrainSettings, index: Index, cfg: CfgFile, size: int) -> DetectionDataset:
    """The training inputs."""
    if settings.rect:
        logger.info("--rect: no mosaics, they are square")
    return DetectionDataset(
        index=index,
        size=size,
        augment=settings.augment.without_mosaic() if settings.rect else settings.augment,
        seed=settings.seed,
        input_sizes=rect_sizes(index, cfg, size) if settings.rect else None,
        mosaic_epochs=settings.epochs - settings.close_mosaic,
        cache=build_cache(settings.cache, index, size),
    )


def resume(trainer: Trainer, folder: Path) -> None:
    """Take up the run in a folder; one that was killed before its first checkpoint starts anew.

    Raises:
        YoloError: the checkpoint cannot be read.
    """
    path = folder / "last.pt"
    if not path.is_file():
        return
    trainer.load_state_dict(load_checkpoint(path))
    state = trainer.state
    if state.epoch >= trainer.epochs:
        logger.info("%s: all %d epochs are done; give more with --epochs", path, state.epoch)
        return
    logger.info(
        "%s: resumed in epoch %d of %d, at batch %d of %d",
        path, state.epoch + 1, trainer.epochs, state.batches + 1, len(trainer.loader),
    )  # fmt: skip


def describe_freezing(settings: TrainSettings, model: Darknet, frozen: Collection[int], optimizer: Optimizer) -> str:
    """What trains before and after the thaw, for people."""
    thaw = settings.freezing.freeze_epochs
    phases = {f"1-{thaw or settings.epochs}": frozen} | ({f"{thaw + 1}-{settings.epochs}": ()} if thaw else {})
    lines = [format_trained(model, layers, optimizer.param_groups, epochs) for epochs, layers in phases.items()]
    return "".join(f"\n  {line}" for line in lines)
