"""Settings to parts: the only module that sees every floor."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolo import distributed
from yolo.checkpoints.state_dict import is_state_file
from yolo.checkpoints.transfer import read_cfg_and_names
from yolo.config.recipe import flatten_settings
from yolo.darknet.cfg_file import CfgFile
from yolo.data.sample import Shard
from yolo.dataset_tools.anchor_fitting import letterboxed_shapes, warn_of_poor_anchors
from yolo.dataset_tools.small_boxes import warn_of_small_boxes
from yolo.devices import select_device
from yolo.engine.compiling import compile_model
from yolo.engine.early_stop import EarlyStop
from yolo.engine.ema import ModelEma, fitted_to_run
from yolo.engine.freeze import Freeze
from yolo.engine.loggers.base import load_package
from yolo.engine.optimizer import check_arguments
from yolo.engine.precision import build_precision
from yolo.engine.schedule_plot import plot_schedule
from yolo.engine.trainer import Trainer
from yolo.errors import SettingsError
from yolo.losses.registry import build_loss
from yolo.model.frozen_layers import frozen_layers
from yolo.model.graph import Graph, plan
from yolo.model.head_anchors import head_anchors
from yolo.rng import seed_everything
from yolo.training.auto_batch_size import find_batch_size
from yolo.training.build_callbacks import build_callbacks
from yolo.training.build_data import Splits, TrainingData, build_data, cut_training_images, read_splits
from yolo.training.build_model import build_run_model
from yolo.training.build_optimizer import build_run_optimizer
from yolo.training.build_schedule import SchedulePlan, build_run_schedule, follow_net
from yolo.training.choose_optimizer import choose_optimizer
from yolo.training.detection_loss import DetectionLoss
from yolo.training.input_schedule import InputSizes, choose_input_sizes
from yolo.training.run_folder import MODEL_CFG, new_folder, resume, write_run_settings
from yolo.training.summary_text import describe_batch, describe_freezing, describe_processes
from yolo.training.validation import fitness

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from yolo.config.distributed_settings import DistributedSettings
    from yolo.config.optimizer_settings import OptimizerSettings
    from yolo.config.run_settings import SavingSettings
    from yolo.config.train_settings import TrainSettings
    from yolo.data.index import Index
    from yolo.distributed import Replica
    from yolo.engine.protocols import RunPrecision
    from yolo.model.network import Darknet


DEFAULT_CFG = "yolov4-tiny"


@dataclass(frozen=True, slots=True)
class Training:
    """A run that is ready to start."""

    folder: Path
    trainer: Trainer
    device: torch.device
    settings: TrainSettings  # with every number that had to be found
    data: TrainingData
    summary: str  # what will happen, for the user


def build_training(settings: TrainSettings) -> Training:
    """Build all parts of a run from its settings; nothing is written before everything has been read and fits."""
    seed_everything(settings.seed, deterministic=settings.deterministic)
    device = select_device(settings.device, distributed.local_rank())
    shard = Shard(distributed.rank(), distributed.world_size())
    check_packages(settings, device)

    graph = read_training_graph(settings)  # before the data, which may take a while to read
    sizes = choose_input_sizes(graph, settings.sizes, rect=settings.dataset.rect, seed=settings.seed)
    splits = cut_training_images(settings.dataset, read_splits(settings.dataset), sizes.train)
    model = build_run_model(settings, graph, splits.names, device)
    settings = choose_optimizer(follow_net(settings, model.net, len(splits.train)), len(splits.train))
    frozen = frozen_layers(model, settings.freezing.freeze, settings.freezing.freeze_layers)
    precision = build_precision(settings.precision, device)
    settings = prepare_network(settings, model, precision, sizes, splits, device)

    loss = build_loss(settings.loss, model)
    data = build_data(settings, splits, graph, loss, sizes, shard=shard, device=device)
    warn_of_poor_fit(settings, splits.train, model, sizes.train)
    batches_of = functools.partial(data.batches_per_epoch, shard.world_size)
    schedule = build_run_schedule(settings, model.net, len(splits.train), batches_of)
    optimizer = build_run_optimizer(settings, model, schedule.schedule, len(splits.train))
    folder = Path(settings.run.resume)
    if not settings.run.resume:
        folder = distributed.run_on_main_and_broadcast(lambda: new_folder(settings, model.cfg))

    trainer = Trainer(
        model=model,
        compute_loss=DetectionLoss(loss, schedule.schedule, device),
        loader=data.loader,
        optimizer=optimizer,
        schedule=schedule.schedule,
        precision=precision,
        ema=build_ema(settings.optimization, model, schedule.num_steps),
        validate=data.validation,
        validates_every_epoch=not settings.saving.notest,
        early_stop=build_early_stop(settings.saving),
        clip_grad_norm=settings.optimization.clip_grad_norm,
        sizes=sizes.multi_scale,
        freeze=Freeze([model.layers[index] for index in frozen], settings.freezing.freeze_epochs),
        replica=build_replica(settings.distributed, model, schedule),
        describe=functools.partial(describe_batch, index=splits.train),
        callbacks=build_callbacks(
            settings,
            folder=folder,
            size=sizes.train,
            device=device,
            validation=data.validation,
            description=describe_checkpoint(settings, model.cfg, splits.names),
        ),
    )
    precision.prepare(model, optimizer)
    trainer.state.images_seen = model.images_seen
    if settings.run.resume:
        resume(trainer, folder, splits.names)
    distributed.check_equal(model, "before the first step")
    distributed.check_equal(trainer.ema.model, "before the first step, averaged")
    if distributed.is_main():
        write_start(settings, folder, schedule)
    tiles = "tiles " if settings.dataset.tile else ""
    summary = (
        f"{folder}: {model.cfg.path}, {model.num_parameters:,} parameters, {sizes}, on {device}; "
        f"{len(splits.train)} training {tiles}and {len(splits.val)} validation images, {len(splits.names)} classes; "
        + schedule.describe(settings.schedule.schedule, settings.optimization)
        + describe_processes(settings.images_per_batch, shard.world_size)
        + describe_freezing(settings, model, frozen, optimizer)
    )
    return Training(folder, trainer, device, settings, data, summary)


def check_packages(settings: TrainSettings, device: torch.device) -> None:
    """Check that the optimizer and the logger exist, before any work.

    Raises:
        SettingsError: one does not, or does not take its arguments.
    """
    optimization = settings.optimization
    if optimization.optimizer != "auto":
        check_arguments(optimization.optimizer, optimization.optimizer_args, device)
    elif optimization.optimizer_args:
        raise SettingsError("--optimizer-args with --optimizer auto: name the optimizer that they are for")
    if settings.run.logger != "none":
        load_package(settings.run.logger)


def read_training_graph(settings: TrainSettings) -> Graph:
    """Plan the network of the run, the same on all processes."""

    def read() -> CfgFile:
        chosen = settings.model
        if settings.run.resume:
            return CfgFile.read(Path(settings.run.resume) / MODEL_CFG)
        if not chosen.cfg and is_state_file(Path(chosen.weights)):
            return read_cfg_and_names(None, chosen.weights)[0]
        return CfgFile.read(chosen.cfg or DEFAULT_CFG)

    return plan(distributed.run_on_main_and_broadcast(read))


def prepare_network(
    settings: TrainSettings,
    model: Darknet,
    precision: RunPrecision,
    sizes: InputSizes,
    splits: Splits,
    device: torch.device,
) -> TrainSettings:
    """Compile the network if asked to, and return the settings with the batch size that fits in memory."""
    if settings.model.compile:
        compile_model(model, device, dynamic=settings.dataset.rect or sizes.multi_scale is not None)
    if settings.batch_size != "auto":
        return settings
    found = find_batch_size(
        model,
        settings.loss,
        settings.optimization,
        precision,
        device=device,
        side=sizes.largest,
        index=splits.train,
    )
    return replace(settings, batch_size=found)


def warn_of_poor_fit(settings: TrainSettings, index: Index, model: Darknet, side: int) -> None:
    """Warn if the network does not fit the boxes of the training split in an input of this side, pixels."""
    size_wh, cfg = (side, side), model.cfg.path
    warn_of_poor_anchors(index, head_anchors(model.graph), size_wh, settings.loss.iou_t, cfg)
    warn_of_small_boxes(letterboxed_shapes(index, size_wh), size_wh, cfg)


def build_ema(chosen: OptimizerSettings, model: Darknet, num_steps: int) -> ModelEma:
    """Build the averaged model, which averages over a share of the run."""
    decay, warm_up = fitted_to_run(chosen.ema_decay, num_steps, chosen.ema_fraction)
    return ModelEma(model, decay=decay, warm_up=warm_up)


def build_early_stop(chosen: SavingSettings) -> EarlyStop | None:
    """Build the early stop; none if the settings ask for none, or if there will be no scores to compare."""
    return None if chosen.notest or not chosen.patience else EarlyStop(fitness, chosen.patience)


def build_replica(chosen: DistributedSettings, model: Darknet, schedule: SchedulePlan) -> Replica:
    """Build the model as one of the equal ones of all processes."""
    return distributed.replicate(
        model,
        static=schedule.never_accumulates,
        unused=model.has_idle_parameters,
        compression=chosen.grad_compression,
    )


def describe_checkpoint(settings: TrainSettings, cfg: CfgFile, names: Sequence[str]) -> dict[str, Any]:
    """Return what a checkpoint holds besides the state of the run."""
    own = flatten_settings(replace(settings, run=replace(settings.run, resume="")))
    return {"cfg": cfg.text, "names": list(names), "settings": own}


def write_start(settings: TrainSettings, folder: Path, schedule: SchedulePlan) -> None:
    """Write what a run writes before its first step, once nothing else can fail."""
    if settings.run.resume:
        write_run_settings(settings, folder)
    if settings.schedule.plot_schedule:
        plot_schedule(schedule.schedule, folder / "schedule.png")
