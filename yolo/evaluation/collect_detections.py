"""Run a detector over a split and pass its detections to an evaluator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from yolo.boxes.detections import Detections
    from yolo.data.sample import Batch
    from yolo.evaluation.evaluator import Evaluator
    from yolo.model.network import Darknet


class BatchDetector(Protocol):
    """Returns the detections of each image of a batch; of tiles, those of the whole image."""

    model: Darknet

    def __call__(self, batch: Batch) -> list[Detections]: ...


class BatchLoader(Protocol):
    """The batches of a split."""

    @property
    def batch_size(self) -> int: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


def collect_detections(
    detector: BatchDetector,
    loader: BatchLoader,
    evaluator: Evaluator,
    title: str,
    on_batch_end: Callable[[], None] = lambda: None,
) -> int:
    """Pass the detections of a split to an evaluator, with a progress bar.

    Args:
        detector: its model is in eval mode.
        loader: every image of the split once; with several processes, the share of this one. A smaller last batch is
            padded to the full size, because convolutions round differently at another batch size: this keeps the
            metrics independent of the number of processes.
        evaluator: for the same split.
        title: of the progress bar.
        on_batch_end: called after each batch.

    Returns:
        The number of images.
    """
    num_images = 0
    for batch in progress(loader, desc=title, unit="batch"):
        detections = detector(batch.filled(loader.batch_size))
        image_ids = batch.distinct_ids
        evaluator.process(image_ids, detections[: len(image_ids)])
        num_images += len(image_ids)
        on_batch_end()
    return num_images
