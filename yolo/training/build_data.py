"""The images of a run: this process's part of each training batch, and of the validation split."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from yolo import distributed
from yolo.data.cache.build_cache import build_cache
from yolo.data.dataset import DetectionDataset
from yolo.data.formats.open_dataset import open_source
from yolo.data.loader import DetectionLoader, batches_of, build_loader
from yolo.data.sample import Shard
from yolo.engine.phases import PhasedLoader
from yolo.errors import SettingsError
from yolo.evaluation.evaluation_loader import build_evaluation_loader, rect_input_sizes
from yolo.evaluation.evaluator import Evaluator
from yolo.training.build_optimizer import batch_size_at
from yolo.training.validation import ValidationScore

if TYPE_CHECKING:
    import torch

    from yolo.config.train_settings import TrainSettings
    from yolo.data.index import Index
    from yolo.model.graph import Graph

logger = logging.getLogger(__name__)


def read_indexes(settings: TrainSettings) -> tuple[Index, Index]:
    """The training and the validation split; one process of each machine reads them first, and fills the cache."""
    with distributed.local_main_first(f"read --data {settings.data}"):
        source = open_source(settings.data, stream=settings.stream)
        indexes = source.index("train"), source.index("val")
    if settings.single_cls:
        return indexes[0].single_class(), indexes[1].single_class()
    return indexes


def own_batch_size(batch_size: int) -> int:
    """The part of a batch that each process has, all of them alike.

    Raises:
        SettingsError: there are more processes than images a batch.
    """
    own = batch_size // distributed.world_size()
    if not own:
        raise SettingsError(f"--batch-size {batch_size}: {distributed.world_size()} processes need as many images")
    return own


def build_dataset(settings: TrainSettings, index: Index, graph: Graph, size: int) -> DetectionDataset:
    """The training inputs."""
    if settings.rect:
        logger.info("--rect: no mosaics, they are square")
    return DetectionDataset(
        index=index,
        size=size,
        augment=settings.augment.without_mosaic() if settings.rect else settings.augment,
        seed=settings.seed,
        input_sizes=rect_input_sizes(index, graph, size) if settings.rect else None,
        mosaic_epochs=settings.epochs - settings.close_mosaic,
        cache=build_cache(settings.cache, index, size),
    )


def batches_of_run(dataset: DetectionDataset, batch_size: int) -> int:
    """Training batches an epoch, of this size over all processes."""
    return batches_of(dataset, own_batch_size(batch_size), distributed.world_size())


def build_train_loader(settings: TrainSettings, dataset: DetectionDataset, device: torch.device) -> PhasedLoader:
    """This process's part of the training batches."""

    def of_size(batch_size: int) -> DetectionLoader:
        return build_loader(
            dataset,
            batch_size=own_batch_size(batch_size),
            workers=settings.workers,
            order="weighted" if settings.image_weights else "shuffled",
            seed=settings.seed,
            pin_memory=device.type == "cuda",
            num_replicas=distributed.world_size(),
            rank=distributed.rank(),
        )

    return PhasedLoader(of_size, functools.partial(batch_size_at, settings))


def build_score(
    settings: TrainSettings, index: Index, graph: Graph, size: int, device: torch.device
) -> ValidationScore:
    """What scores a model on the validation split."""
    input_sizes = rect_input_sizes(index, graph, size) if settings.rect else None
    loader = build_evaluation_loader(
        index,
        size=size,
        workers=settings.workers,
        device=device,
        input_sizes=input_sizes,
        shard=Shard(distributed.rank(), distributed.world_size()),
    )
    preview = build_evaluation_loader(index, size=size, workers=0, device=device, input_sizes=input_sizes)
    return ValidationScore(index, loader, Evaluator(index), preview)
