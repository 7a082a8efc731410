"""From settings to parts: the only file that sees every floor."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from yolo.config import flat, write_settings
from yolo.darknet.cfg import CfgFile
from yolo.data.anchors import warn_of_poor_anchors
from yolo.data.dataset import DetectionDataset
from yolo.data.loader import DetectionLoader, build_loader
from yolo.data.picture_cache.choose import build_cache
from yolo.data.sources import open_source
from yolo.describe import largest_stride
from yolo.engine.callbacks.checkpoints import Checkpoints
from yolo.engine.callbacks.evaluation import Evaluation
from yolo.engine.callbacks.progress import ProgressBar
from yolo.engine.callbacks.results_csv import ResultsCsv
from yolo.engine.callbacks.tensorboard import TensorBoard
from yolo.engine.checkpoint import save_checkpoint
from yolo.engine.ema import ModelEma
from yolo.engine.optimizer import build_optimizer
from yolo.engine.schedule import Schedule, accumulation, burn_in_epochs
from yolo.engine.size import MultiScale
from yolo.engine.trainer import Trainer
from yolo.errors import SettingsError
from yolo.evaluation.evaluator import Evaluator
from yolo.heads import anchors_of
from yolo.inference import evaluate, to_input
from yolo.layers import Yolo
from yolo.load import evaluation_detector, evaluation_loader, input_size, new_run_folder, rect_sizes, select_device
from yolo.losses.shape_match import ShapeMatchLoss
from yolo.model import Darknet, with_classes
from yolo.rng import seed_everything
from yolo.transfer import initialize_heads, transfer, without_class_term

if TYPE_CHECKING:
    from torch import Tensor, nn

    from yolo.config import TrainSettings
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
    if num_classes == 1:
        without_class_term(model)
    return model


@dataclass(frozen=True, slots=True)
class DetectionObjective:
    """Model and micro-batch -> loss terms: what the engine's trainer minimises."""

    loss: ShapeMatchLoss
    device: torch.device

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        images = to_input(batch.images, self.device, batch.input_size)
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
        metrics = evaluate(evaluation_detector(model), self.loader, self.evaluator, "validate")
        return metrics.scalars() | metrics.class_scalars()


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
    train_loader: DetectionLoader
    score: ValidationScore
    summary: str  # what is about to happen, for people


def build_training(settings: TrainSettings) -> Training:
    """Everything that a run needs, from its settings; the run's folder is made last, when nothing else can fail."""
    seed_everything(settings.seed)
    device = select_device(settings.device)
    cfg = CfgFile.read(settings.cfg)  # before the data, which may take a while to read
    size = input_size(cfg, settings.img_size, any_multiple=settings.rect or settings.multi_scale is not None)
    source = open_source(settings.data)
    train_index, val_index = source.index("train"), source.index("val")
    if settings.single_cls:
        train_index, val_index = train_index.single_class(), val_index.single_class()
    names = train_index.names
    model = build_model(cfg, settings.weights, len(names)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    train_loader = build_loader(
        build_dataset(settings, train_index, cfg, size),
        batch_size=settings.batch_size,
        workers=settings.workers,
        order="weighted" if settings.image_weights else "shuffled",
        seed=settings.seed,
        pin_memory=device.type == "cuda",
    )
    val_loader = evaluation_loader(
        val_index,
        size=size,
        batch_size=settings.batch_size,
        workers=settings.workers,
        device=device,
        input_sizes=rect_sizes(val_index, cfg, size) if settings.rect else None,
    )
    score = ValidationScore(val_index, val_loader, Evaluator(val_index))
    warn_of_poor_anchors(train_index, anchors_of(model.cfg), (size, size), settings.loss.iou_t, model.cfg.path)
    loss = ShapeMatchLoss(trainable_heads(model), settings.loss)
    schedule = build_schedule(settings, len(train_loader))
    optimizer = build_optimizer(
        model,
        settings.optimization.optimizer,
        lr=settings.optimization.lr0,
        momentum=schedule.momentum,
        weight_decay=schedule.weight_decay,
    )
    folder = new_run_folder(settings.project, settings.name)
    model.cfg.write(folder / "model.cfg")
    write_settings(settings, folder / "settings.yaml")
    description = {"cfg": model.cfg.text, "names": list(names), "settings": flat(settings)}

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
        sizes=build_sizes(settings, cfg, size),
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
        f"{len(train_index)} training and {len(val_index)} validation pictures, {len(names)} classes; "
        f"{settings.epochs} epochs of {len(train_loader)} batches, {schedule.accumulate} a step, "
        f"burn-in {schedule.burn_in:.1f} epochs"
    )
    return Training(folder, trainer, device, train_loader, score, summary)


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


def build_sizes(settings: TrainSettings, cfg: CfgFile, size: int) -> MultiScale | None:
    """Input sizes of the steps, where they vary."""
    if settings.multi_scale is None:
        return None
    low, high = settings.multi_scale
    return MultiScale.around(size, low, high, stride=largest_stride(cfg), seed=settings.seed)


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


def build_schedule(settings: TrainSettings, batches_per_epoch: int) -> Schedule:
    """Burn-in and accumulation fitted to the length of the run."""
    chosen = settings.optimization
    return Schedule(
        epochs=settings.epochs,
        burn_in=burn_in_epochs(settings.epochs, batches_per_epoch, chosen.burn_in_share),
        lr=chosen.lr0,
        final_lr=chosen.lrf,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
        burn_in_bias_lr=BURN_IN_BIAS_LR if chosen.optimizer == "sgd" else 0.0,
        accumulate=accumulation(
            settings.batch_size, chosen.nominal_batch_size, settings.epochs * batches_per_epoch, chosen.least_steps
        ),
    )
