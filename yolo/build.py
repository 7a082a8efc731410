"""From settings to parts: the only file that sees every floor."""

from __future__ import annotations

import functools
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from yolo.config import flat, write_settings
from yolo.darknet.cfg import CfgFile
from yolo.data.dataset import DetectionDataset
from yolo.data.loader import DetectionLoader, build_loader
from yolo.data.sources import open_source
from yolo.engine.callbacks.checkpoints import Checkpoints
from yolo.engine.callbacks.evaluation import Evaluation
from yolo.engine.callbacks.progress import ProgressBar
from yolo.engine.callbacks.results_csv import ResultsCsv
from yolo.engine.callbacks.tensorboard import TensorBoard
from yolo.engine.checkpoint import save_checkpoint
from yolo.engine.ema import ModelEma
from yolo.engine.freeze import Freeze
from yolo.engine.optimizer import build_optimizer
from yolo.engine.phases import PhasedLoader, PhasedSchedule
from yolo.engine.schedule import Schedule, accumulation, burn_in_epochs
from yolo.engine.trainer import Trainer
from yolo.errors import SettingsError
from yolo.evaluation.evaluator import Evaluator
from yolo.frozen_layers import format_trained, frozen_layers
from yolo.inference import evaluate, to_input
from yolo.layers import Yolo
from yolo.load import evaluation_detector, evaluation_loader, new_run_folder, select_device
from yolo.losses.shape_match import ShapeMatchLoss
from yolo.model import Darknet, with_classes
from yolo.rng import seed_everything
from yolo.transfer import initialize_heads, transfer

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from yolo.config import OptimizerSettings, TrainSettings
    from yolo.data.index import Index
    from yolo.data.sample import Batch

logger = logging.getLogger(__name__)

BURN_IN_BIAS_LR = 0.1  # of SGD; Adam's steps do not shrink with small gradients, so its biases start from 0


def build_model(original: CfgFile, weights: str, num_classes: int) -> Darknet:
    """The network for a data set: heads of the right size, weights from a file where one is named."""
    model = Darknet(original)
    if model.num_classes != num_classes:
        logger.info("%s: heads set from %d to %d classes", original.path, model.num_classes, num_classes)
        model = Darknet(with_classes(original, num_classes))
    initialize_heads(model)
    if weights:
        transfer(model, Path(weights), original).log()
    return model


@dataclass(frozen=True, slots=True)
class DetectionObjective:
    """Model and micro-batch -> loss terms: what the engine's trainer minimises."""

    loss: ShapeMatchLoss
    device: torch.device

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        images = to_input(batch.images, self.device)
        targets = batch.targets.to(self.device, non_blocking=True)
        return self.loss(model(images), targets, (images.shape[2], images.shape[3]))


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """Model -> scores on the validation split, by name."""

    index: Index
    loader: DetectionLoader
    evaluator: Evaluator

    def __call__(self, model: nn.Module) -> dict[str, float]:
        assert isinstance(model, Darknet)
        return evaluate(evaluation_detector(model), self.loader, self.evaluator, "validate").scalars()


def fitness(record: dict[str, float]) -> float:
    """How good an epoch is: the mean of mAP50 and mAP50-95; epochs without a score are all alike."""
    scores = [record.get(f"metrics/{name}", 0.0) for name in ("mAP50", "mAP50-95")]
    return sum(scores) / len(scores)


@dataclass(frozen=True, slots=True)
class Training:
    """A run that is ready to start."""

    folder: Path
    trainer: Trainer
    device: torch.device
    train_loader: PhasedLoader
    score: ValidationScore
    summary: str  # what is about to happen, for people


def build_training(settings: TrainSettings) -> Training:
    """Everything that a run needs, from its settings; the run's folder is made last, when nothing else can fail."""
    seed_everything(settings.seed)
    device = select_device(settings.device)
    cfg = CfgFile.read(settings.cfg)  # before the data, which may take a while to read
    source = open_source(settings.data)
    train_index, val_index = source.index("train"), source.index("val")
    model = build_model(cfg, settings.weights, len(source.names)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = settings.img_size or model.net.width
    frozen = frozen_layers(model, settings.freezing.freeze, settings.freezing.freeze_layers)
    if settings.grad_checkpoint:
        model.gradient_checkpointing_enable()
    dataset = DetectionDataset(index=train_index, size=size, augment=settings.augment, seed=settings.seed)

    def training_loader(batch_size: int) -> DetectionLoader:
        return build_loader(
            dataset,
            batch_size=batch_size,
            workers=settings.workers,
            shuffle=True,
            seed=settings.seed,
            pin_memory=device.type == "cuda",
        )

    train_loader = PhasedLoader(training_loader, functools.partial(batch_size_at, settings))
    val_loader = evaluation_loader(
        val_index, size=size, batch_size=settings.batch_size, workers=settings.workers, device=device
    )
    score = ValidationScore(val_index, val_loader, Evaluator(val_index))
    loss = ShapeMatchLoss(trainable_heads(model), settings.loss)
    schedule = build_schedule(settings, len(train_index))
    optimizer = build_optimizer(
        model,
        settings.optimization.optimizer,
        lr=settings.optimization.lr0,
        momentum=settings.optimization.momentum,
        weight_decay=settings.optimization.weight_decay,
    )
    folder = new_run_folder(settings.project, settings.name)
    model.cfg.write(folder / "model.cfg")
    write_settings(settings, folder / "settings.yaml")
    description = {"cfg": model.cfg.text, "names": list(source.names), "settings": flat(settings)}

    def save_best(trainer: Trainer) -> None:
        best = trainer.ema.model
        assert isinstance(best, Darknet)
        best.images_seen = trainer.state.images_seen
        state = {"model": best.state_dict(), "images_seen": best.images_seen, "epoch": trainer.state.epoch}
        save_checkpoint(folder / "best.pt", {**description, **state, "metrics": trainer.record})
        best.save_weights(folder / "best.weights")

    trainer = Trainer(
        model=model,
        objective=DetectionObjective(loss, device),
        loader=train_loader,
        optimizer=optimizer,
        schedule=schedule,
        ema=ModelEma(model, decay=settings.optimization.ema_decay),
        epochs=settings.epochs,
        freeze=Freeze([model.layers[index] for index in frozen], settings.freezing.freeze_epochs),
        callbacks=[
            ProgressBar(size, device),
            Evaluation(score),
            Checkpoints(folder, description=description, fitness=fitness, save_best=save_best),
            ResultsCsv(folder / "results.csv"),
            TensorBoard(folder),
        ],
    )
    trainer.state.images_seen = model.images_seen  # what the loaded weights were trained on counts
    summary = (
        f"{folder}: {model.cfg.path}, {model.num_parameters:,} parameters, {size} px, on {device}; "
        f"{len(train_index)} training and {len(val_index)} validation pictures, {len(source.names)} classes; "
        + describe_phases(settings, schedule, len(train_index))
    )
    if frozen:
        summary += describe_freezing(settings, model, frozen, optimizer)
    return Training(folder, trainer, device, train_loader, score, summary)


def trainable_heads(model: Darknet) -> list[Yolo]:
    """The heads, which must all be of a kind that the loss knows.

    Raises:
        SettingsError: one is not.
    """
    heads = [node.spec for node in model.heads if isinstance(node.spec, Yolo)]
    for node in model.heads:
        if not isinstance(node.spec, Yolo):
            raise SettingsError(
                f"{node.section.where()}: [{node.section.name}] cannot be trained; only [yolo] heads can"
            )
    return heads


def batch_size_at(settings: TrainSettings, epoch: int) -> int:
    """Pictures a batch in an epoch, counted from 0."""
    freezing = settings.freezing
    if freezing.freeze_batch_size and freezing.freeze_epochs and epoch < freezing.freeze_epochs:
        return freezing.freeze_batch_size
    return settings.batch_size


def build_schedule(settings: TrainSettings, num_pictures: int) -> Schedule | PhasedSchedule:
    """The schedule of a run; with a thaw one before and one after it, each from its own burn-in to its own end."""
    chosen = settings.optimization
    bias_lr = BURN_IN_BIAS_LR if chosen.optimizer == "sgd" else 0.0
    thaw = settings.freezing.freeze_epochs
    phase = functools.partial(_phase_schedule, chosen, num_pictures)
    if thaw is None:
        return phase(settings.epochs, settings.batch_size, chosen.lr0, bias_lr)
    return PhasedSchedule(
        first=phase(thaw, batch_size_at(settings, 0), settings.freezing.freeze_lr0 or chosen.lr0, bias_lr),
        then=phase(settings.epochs - thaw, settings.batch_size, chosen.lr0, 0.0),  # biases have learnt by then
        change=thaw,
    )


def _phase_schedule(
    chosen: OptimizerSettings, num_pictures: int, epochs: int, batch_size: int, lr: float, burn_in_bias_lr: float
) -> Schedule:
    """Burn-in and accumulation fitted to the length of a phase."""
    batches = math.ceil(num_pictures / batch_size)
    return Schedule(
        epochs=epochs,
        burn_in=burn_in_epochs(epochs, batches, chosen.burn_in_share),
        lr=lr,
        final_lr=chosen.lrf,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
        burn_in_bias_lr=burn_in_bias_lr,
        accumulate=accumulation(batch_size, chosen.nominal_batch_size, epochs * batches, chosen.least_steps),
    )


def describe_phases(settings: TrainSettings, schedule: Schedule | PhasedSchedule, num_pictures: int) -> str:
    """Length, batches and burn-in of each phase, for people."""
    phases = [schedule] if isinstance(schedule, Schedule) else [schedule.first, schedule.then]
    sizes = [batch_size_at(settings, 0), settings.batch_size]
    return ", then ".join(
        f"{phase.epochs:g} epochs of {math.ceil(num_pictures / size)} batches, {phase.accumulate} a step, "
        f"burn-in {phase.burn_in:.1f} epochs"
        for phase, size in zip(phases, sizes, strict=False)
    )


def describe_freezing(settings: TrainSettings, model: Darknet, frozen: Collection[int], optimizer: Optimizer) -> str:
    """What trains before and after the thaw, for people."""
    thaw = settings.freezing.freeze_epochs
    phases = {f"1-{thaw or settings.epochs}": frozen} | ({f"{thaw + 1}-{settings.epochs}": ()} if thaw else {})
    lines = [format_trained(model, layers, optimizer.param_groups, epochs) for epochs, layers in phases.items()]
    return "".join(f"\n  {line}" for line in lines)
