"""Write detections as a data set, to be corrected in a labelling tool and trained on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.valid_boxes import clip_boxes
from yolo.data.index import Record
from yolo.data.writers import WRITERS
from yolo.data.writers.write_dataset import put_image, unique_stem
from yolo.storage import atomic_folder
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    from yolo.inference.results import Result
    from yolo.inference.sources.frame import Frame

SPLIT = "train"


class PreLabelWriter:
    """Write images and detections as a data set whose only split is `train`; it appears when it is complete.

    Image files are copied byte for byte; a frame of a video becomes an image file. An image without a detection is
    written too, as one without objects.

    Args:
        folder: of the data set; it must not exist.
        format_name: a key of `WRITERS`.
        class_names: of the network.

    Raises:
        DataError: the format cannot hold these class names.
    """

    def __init__(self, folder: Path, format_name: str, class_names: tuple[str, ...]) -> None:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(atomic_folder(folder))
            self._writer = WRITERS[format_name](temporary, folder.name, class_names)
            self._stack = stack.pop_all()
        self._names: list[str] = []
        self._taken: set[str] = set()  # stems, in lower case

    def write(self, result: Result) -> None:
        frame = result.frame
        height, width = frame.image.shape[:2]
        name = self._write_image(frame)
        boxes_xyxy, has_area = clip_boxes(result.boxes_xyxy.astype(np.float64), (width, height))
        class_ids = result.class_ids[has_area]
        record = Record(Path(name), width, height, boxes_xyxy[has_area], class_ids, np.zeros(len(class_ids), np.bool_))
        self._writer.write_labels(name, SPLIT, record)
        self._names.append(name)

    def close(self) -> None:
        with self._stack:
            self._writer.write_split(SPLIT, self._names)
            self._writer.finish()

    def _write_image(self, frame: Frame) -> str:
        """Write the image of a frame, and return its file name in the data set."""
        source = Path(frame.name)
        is_file = frame.video is None and source.is_file()
        name = unique_stem(source.stem if is_file else frame.stem, self._taken)
        name += source.suffix if is_file else frame.suffix
        target = self._writer.image_path(name, SPLIT)
        if is_file:
            put_image(source, target)
        else:
            write_image(target, frame.image)
        return name
