"""Run a detector over a split and hand what it finds to an evaluator."""

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
    """What answers a batch with the detections of each of its images."""

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
    batches: BatchLoader,
    evaluator: Evaluator,
    title: str,
    batch_done: Callable[[], None] = lambda: None,
) -> int:
    """Pass what a detector finds to an evaluator, with a progress bar.

    Args:
        detector: its model is in eval mode.
        batches: every image of the split once; with several processes, the share of this one. A smaller last batch is
            filled up, because convolutions round differently at another batch size: so scores do not depend on the
            number of processes.
        evaluator: knows the ground truth of the split.
        title: of the progress bar.
        batch_done: called after each batch.

    Returns:
        The number of images.
    """
    num_images = 0
    for batch in progress(batches, desc=title, unit="batch"):
        found = detector(batch.filled(batches.batch_size))
        evaluator.process(batch.image_ids, found[: len(batch)])
        num_images += len(batch)
        batch_done()
    return num_images
