"""Images to look at: what the network is trained on, and what it finds beside what is there."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.decode import read_image
from yolo.data.sample import IGNORE
from yolo.visualization.drawing import draw_boxes, grid, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.data.sample import Batch
    from yolo.inference.detector import Detector

MAX_CELL = 640  # pixels


def draw_batch(batch: Batch, names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The images of a batch with their boxes, as the network gets them."""
    height, width = batch.images.shape[2:]
    cells = []
    for number, image in enumerate(batch.images.numpy()):
        rows = batch.targets[batch.targets[:, 0] == number].numpy()
        centre, half = rows[:, 2:4] * (width, height), rows[:, 4:6] * (width, height) / 2
        class_ids = rows[:, 1].astype(int).tolist()
        pixels = np.ascontiguousarray(image[::-1].transpose(1, 2, 0))
        boxes_xyxy = np.concatenate([centre - half, centre + half], axis=1)
        cells.append(draw_boxes(pixels, boxes_xyxy, _labels(class_ids, names), class_ids))
    return grid(cells, columns=math.ceil(math.sqrt(len(cells))), cell=(width, height))


def draw_predictions(detector: Detector, index: Index, batches: Iterable[Batch], count: int) -> npt.NDArray[np.uint8]:
    """Truth and detections side by side, for the first images of a split.

    Args:
        detector: with the threshold that a user would choose.
        index: the split.
        batches: its images, unvaried.
        count: how many images.
    """
    pairs = (
        (image_id, found) for batch in batches for image_id, found in zip(batch.image_ids, detector(batch), strict=True)
    )
    cells = [
        draw_gt_and_detections(index, i, found.xyxy.cpu().numpy(), found.score.tolist(), found.class_id.tolist())
        for i, found in islice(pairs, count)
    ]
    height, width = cells[0].shape[:2]
    shrink = min(1.0, MAX_CELL / width)
    return grid(cells, columns=2, cell=(round(width * shrink), round(height * shrink)))


def draw_gt_and_detections(
    index: Index,
    image_id: int,
    boxes_xyxy: npt.NDArray[np.floating],
    scores: Sequence[float],
    class_ids: Sequence[int],
) -> npt.NDArray[np.uint8]:
    """An image of a split with its truth, beside the same image with what was found.

    Args:
        index: the split.
        image_id: of the image.
        boxes_xyxy: (N, 4), what was found, pixels of the image.
        scores: of each.
        class_ids: of each.
    """
    image = read_image(index.path(image_id))
    true_ids = np.where(index.ignore(image_id), IGNORE, index.class_ids(image_id)).tolist()
    labels = [f"{index.names[c]} {s:.2f}" for c, s in zip(class_ids, scores, strict=True)]
    truth = draw_boxes(image, index.boxes_xyxy(image_id), _labels(true_ids, index.names), true_ids)
    return side_by_side(truth, draw_boxes(image, boxes_xyxy, labels, class_ids), ("truth", "detections"))


def _labels(class_ids: Sequence[int], names: Sequence[str]) -> list[str]:
    return ["ignore" if class_id == IGNORE else names[class_id] for class_id in class_ids]
