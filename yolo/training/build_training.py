"""From settings to parts: the only file that sees every floor."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from yolo import distributed
from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.config.recipe import flat, write_settings
from yolo.darknet.cfg_file import CfgFile
from yolo.dataset_tools.anchor_fitting import warn_of_poor_anchors
from yolo.devices import select_device
from yolo.engine.compiling import compile_model
from yolo.engine.ema import ModelEma, fitted_to_run
from yolo.engine.freeze import Freeze
from yolo.engine.loggers.base import load_package
from yolo.engine.optimizer import check_arguments
from yolo.engine.phases import PhasedLoader
from yolo.engine.precision import build_precision
from yolo.engine.schedule_plot import plot_schedule
from yolo.engine.trainer import Trainer
from yolo.losses.registry import build_loss
from yolo.model.frozen_layers import format_trained, frozen_layers
from yolo.model.graph import plan
from yolo.model.head_anchors import head_anchors
from yolo.model.network import Darknet
from yolo.remote.runs import new_run_folder
from yolo.rng import seed_everything
from yolo.training.auto_batch_size import find_batch_size
from yolo.training.build_callbacks import build_callbacks, describe_batch
from yolo.training.build_data import (
    batches_of_run,
    build_dataset,
    build_score,
    build_train_loader,
    own_batch_size,
    read_indexes,
)
from yolo.training.build_model import prepare_model
from yolo.training.build_optimizer import (
    accumulates_never,
    build_phases,
    describe_phases,
    follow_net,
    num_steps,
    prepare_optimizer,
)
from yolo.training.input_schedule import InputSizes
from yolo.training.read_settings import JOB_FILE, SETTINGS_FILE
from yolo.training.validation import DetectionObjective, ValidationScore

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch.optim import Optimizer

    from yolo.config.train_settings import TrainSettings

logger = logging.getLogger(__name__)

MODEL_CFG = "model.cfg"


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
    check_arguments(settings.optimization.optimizer, settings.optimization.optimizer_args)
    if settings.logger != "none":
        load_package(settings.logger)
    # The network before the data, which may take a while to read.
    graph = plan(
        distributed.run_on_main_and_broadcast(
            lambda: CfgFile.read(Path(settings.resume) / MODEL_CFG if settings.resume else settings.cfg)
        )
    )
    sizes = InputSizes.of(graph, settings.sizes, rect=settings.rect, seed=settings.seed)
    size = sizes.train
    train_index, val_index = read_indexes(settings)
    names = train_index.names
    model = prepare_model(settings, graph, len(names), device)
    settings = follow_net(settings, model.net, len(train_index))
    frozen = frozen_layers(model, settings.freezing.freeze, settings.freezing.freeze_layers)
    precision = build_precision(settings.precision, device)
    if settings.compile:
        compile_model(model, device, dynamic=settings.rect or sizes.varied is not None)
    if settings.batch_size == "auto":
        found = find_batch_size(settings, model, precision, device, sizes.largest, train_index)
        settings = replace(settings, batch_size=found)
    dataset = build_dataset(settings, train_index, graph, size)

    train_loader = build_train_loader(settings, dataset, device)
    score = build_score(settings, val_index, graph, sizes.test, device)
    warn_of_poor_anchors(
        train_index, head_anchors(model.graph), (size, size), settings.shape_match.iou_t, model.cfg.path
    )
    loss = build_loss(
        settings.loss,
        model,
        settings.shape_match,
        images_seen=lambda: trainer.state.images_seen,
        objectness_ratio=lambda: schedule.objectness_ratio_at(trainer.epoch_progress),
    )
    num_batches = functools.partial(batches_of_run, dataset)
    schedule = build_phases(settings, model.net, len(train_index), num_batches)
    optimizer = prepare_optimizer(settings, model, schedule, len(train_index))
    steps = num_steps(schedule, settings, num_batches)
    decay, warm_up = fitted_to_run(settings.optimization.ema_decay, steps, settings.optimization.ema_share)
    folder = distributed.run_on_main_and_broadcast(lambda: run_folder(settings, model))
    if settings.policy.plot_schedule and distributed.is_main():
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
        replica=distributed.replicate(
            model,
            static=accumulates_never(schedule),
            unused=model.has_idle_parameters,
            compression=settings.distributed.grad_compression,
        ),
        describe=functools.partial(describe_batch, index=train_index),
        callbacks=build_callbacks(
            settings, folder=folder, size=size, device=device, score=score, description=description
        ),
    )
    precision.prepare(model, optimizer)
    trainer.state.images_seen = model.images_seen  # what the loaded weights were trained on counts
    if settings.resume:
        resume(trainer, folder)
    distributed.check_equal(model, "before the first step")
    distributed.check_equal(trainer.ema.model, "before the first step, averaged")
    summary = (
        f"{folder}: {model.cfg.path}, {model.num_parameters:,} parameters, {sizes}, on {device}; "
        f"{len(train_index)} training and {len(val_index)} validation images, {len(names)} classes; "
        + describe_phases(schedule, settings, num_batches)
        + describe_processes(settings)
        + describe_freezing(settings, model, frozen, optimizer)
    )
    return Training(folder, trainer, device, settings, train_loader, score, summary)


def run_folder(settings: TrainSettings, model: Darknet) -> Path:
    """The folder of a run, with its network and settings in it: a new one, or that which is resumed."""

    def fill(folder: Path) -> None:
        if job := distributed.job():
            (folder / JOB_FILE).write_text(job, encoding="utf-8")
        model.cfg.write(folder / MODEL_CFG)
        write_settings(settings, folder / SETTINGS_FILE)

    if not settings.resume:
        return new_run_folder(settings.project, settings.name, fill)
    fill(Path(settings.resume))
    return Path(settings.resume)


def resume(trainer: Trainer, folder: Path) -> None:
    """Take up the run in a folder; one that was killed before its first checkpoint starts anew.

    Raises:
        YoloError: the checkpoint cannot be read.
    """
    path = folder / "last.pt"
    checkpoint = distributed.run_on_main_and_broadcast(lambda: load_checkpoint(path) if path.is_file() else None)
    if checkpoint is None:
        return
    trainer.load_state_dict(checkpoint)
    state = trainer.state
    if state.epoch >= trainer.epochs:
        logger.info("%s: all %d epochs are done; give more with --epochs", path, state.epoch)
        return
    logger.info(
        "%s: resumed in epoch %d of %d, at batch %d of %d",
        path, state.epoch + 1, trainer.epochs, state.batches + 1, len(trainer.loader),
    )  # fmt: skip


def describe_processes(settings: TrainSettings) -> str:
    """How batches are divided, for people."""
    num_processes = distributed.world_size()
    if num_processes == 1:
        return ""
    own = own_batch_size(settings.images_per_batch)
    left = settings.images_per_batch - own * num_processes
    text = f"\n  {num_processes} processes, {own} images a batch each"
    return text + (f"; {left} of the {settings.images_per_batch} do not divide, and are left out" if left else "")


def describe_freezing(settings: TrainSettings, model: Darknet, frozen: Collection[int], optimizer: Optimizer) -> str:
    """What trains before and after the thaw, for people."""
    if not frozen:
        return ""
    thaw = settings.freezing.freeze_epochs
    phases = {f"1-{thaw or settings.epochs}": frozen} | ({f"{thaw + 1}-{settings.epochs}": ()} if thaw else {})
    lines = [format_trained(model, layers, optimizer.param_groups, epochs) for epochs, layers in phases.items()]
    return "".join(f"\n  {line}" for line in lines)
