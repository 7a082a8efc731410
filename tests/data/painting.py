"""Images whose objects can be found again: each is a rectangle of its own colour on black."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from yolo.data.index import Index, Record
from yolo.data.sample import Sample

Box = tuple[int, int, int, int]
COLOURS = np.array([(0, 0, 250), (0, 250, 0), (250, 0, 0), (250, 250, 0), (250, 0, 250), (0, 250, 250)])  # BGR


def paint(size_wh: tuple[int, int], boxes_xyxy: Sequence[Box]) -> Sample:
    """A black image with box i in colour i; class i."""
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    for colour, (x1, y1, x2, y2) in zip(COLOURS, boxes_xyxy, strict=False):
        image[y1:y2, x1:x2] = colour
    boxes = np.array(boxes_xyxy, np.float32).reshape(-1, 4)
    return Sample(image, boxes, np.arange(len(boxes), dtype=np.int64))


def measure(image: npt.NDArray[np.uint8], class_id: int) -> Box | None:
    """The box around the pixels that are nearer to the colour of a class than to black, or None."""
    distance = np.abs(image.astype(int) - COLOURS[class_id]).max(axis=2)
    rows, columns = np.nonzero(distance < 125)
    if not len(rows):
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def assert_boxes_on_pixels(sample: Sample, tolerance: float) -> None:
    """Every box of the sample lies around the pixels of its colour."""
    for box, class_id in zip(sample.boxes_xyxy, sample.class_ids, strict=True):
        seen = measure(sample.image, class_id)
        assert seen is not None, class_id
        np.testing.assert_allclose(box, seen, atol=tolerance)


def whole(sample: Sample) -> Sample:
    """With only the boxes that touch no border, which nothing has cut."""
    height, width = sample.image.shape[:2]
    inside = (sample.boxes_xyxy > 0).all(axis=1) & (sample.boxes_xyxy < (width, height) * 2).all(axis=1)
    return Sample(sample.image, sample.boxes_xyxy[inside], sample.class_ids[inside])


def index_of(folder: Path, samples: Sequence[Sample], ignore: Sequence[Sequence[bool]] | None = None) -> Index:
    """Write samples as PNG files, and index them."""
    records = []
    for number, sample in enumerate(samples):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), sample.image)
        height, width = sample.image.shape[:2]
        flags = np.zeros(len(sample.class_ids), np.bool_) if ignore is None else np.array(ignore[number], np.bool_)
        records.append(Record(path, width, height, sample.boxes_xyxy.astype(float), sample.class_ids, flags))
    return Index.from_records([str(n) for n in range(6)], records)
