"""Images for people to look at: training batches, and ground truth beside detections."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.decode import read_image
from yolo.data.sample import IGNORE
from yolo.visualization.drawing import draw_boxes, grid, mark_boxes, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.data.sample import Batch
    from yolo.evaluation.collect_detections import BatchDetector

MAX_CELL_WIDTH = 640  # pixels


def draw_batch(batch: Batch, names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Draw the images of a batch, as the network receives them, with their ground truth."""
    height, width = batch.images.shape[2:]
    cells = []
    for number, image in enumerate(batch.images.numpy()):
        targets = batch.targets[batch.targets[:, 0] == number].numpy()
        centre, half = targets[:, 2:4] * (width, height), targets[:, 4:6] * (width, height) / 2
        class_ids = targets[:, 1].astype(int).tolist()
        image_bgr = np.ascontiguousarray(image[::-1].transpose(1, 2, 0))
        boxes_xyxy = np.concatenate([centre - half, centre + half], axis=1)
        cells.append(draw_boxes(image_bgr, boxes_xyxy, _gt_labels(class_ids, names), class_ids))
    return grid(cells, columns=math.ceil(math.sqrt(len(cells))), cell=(width, height))


def draw_predictions(
    detector: BatchDetector, index: Index, batches: Iterable[Batch], num_images: int
) -> npt.NDArray[np.uint8]:
    """Draw ground truth beside detections for the first images of a split.

    Args:
        detector: with the score threshold of a user.
        index: the split.
        batches: the images of the split, without augmentation.
        num_images: number of images to draw.
    """
    images = (
        (image_id, detections)
        for batch in batches
        for image_id, detections in zip(batch.distinct_ids, detector(batch), strict=True)
    )
    cells = [
        draw_gt_and_detections(
            index, image_id, detections.xyxy.cpu().numpy(), detections.score.tolist(), detections.class_id.tolist()
        )
        for image_id, detections in islice(images, num_images)
    ]
    height, width = cells[0].shape[:2]
    scale = min(1.0, MAX_CELL_WIDTH / width)
    return grid(cells, columns=2, cell=(round(width * scale), round(height * scale)))


def draw_gt_and_detections(
    index: Index,
    image_id: int,
    boxes_xyxy: npt.NDArray[np.floating],
    scores: Sequence[float],
    class_ids: Sequence[int],
    *,
    marked_gt: Mapping[int, str] | None = None,
    marked: Mapping[int, str] | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw an image with its ground truth, beside the same image with detections.

    Args:
        index: the split.
        image_id: position of the image in the index.
        boxes_xyxy: (N, 4), detections in pixels of the image.
        scores: (N,).
        class_ids: (N,).
        marked_gt: number of a ground-truth box of the image -> words to mark it with.
        marked: the same for the detections.
    """
    image = read_image(index.path(image_id))
    gt_class_ids = np.where(index.ignore(image_id), IGNORE, index.class_ids(image_id)).tolist()
    labels = [f"{index.names[class_id]} {score:.2f}" for class_id, score in zip(class_ids, scores, strict=True)]
    return side_by_side(
        _draw_marked(image, index.boxes_xyxy(image_id), _gt_labels(gt_class_ids, index.names), gt_class_ids, marked_gt),
        _draw_marked(image, boxes_xyxy, labels, class_ids, marked),
        ("ground truth", "detections"),
    )


def _draw_marked(
    image: npt.NDArray[np.uint8],
    boxes_xyxy: npt.NDArray[np.floating],
    labels: Sequence[str],
    class_ids: Sequence[int],
    marked: Mapping[int, str] | None,
) -> npt.NDArray[np.uint8]:
    drawn = draw_boxes(image, boxes_xyxy, labels, class_ids)
    if not marked:
        return drawn
    return mark_boxes(drawn, boxes_xyxy[list(marked)], [f"{text}: {labels[i]}" for i, text in marked.items()])


def _gt_labels(class_ids: Sequence[int], names: Sequence[str]) -> list[str]:
    return ["ignore" if class_id == IGNORE else names[class_id] for class_id in class_ids]
