"""The drawn data set `shapes`: a Darknet data set on disk, made here from fixed seeds, without any download."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.data.labels import format_yolo
from yolo.data.shape_scenes import NAMES, draw_scene
from yolo.errors import DataError
from yolo.log import progress
from yolo.storage import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 4  # of the drawing; after a change, the data set is drawn again
STAMP = f"# drawn by yolo.data.shapes, version {VERSION}"
NUM_IMAGES = {"train": 600, "val": 150, "test": 100}
PNG_PART = 0.2  # of the images; the others are JPEG


def ensure_shapes(folder: Path) -> Path:
    """Draw the data set into a folder unless it is there already.

    Returns:
        The path of `shapes.data`.

    Raises:
        DataError: the folder holds something else.
    """
    data_file = folder / "shapes.data"
    if not _is_current(data_file):
        _remove_outdated(folder, data_file)
        try:
            with atomic_folder(folder) as temporary:
                _draw_all(temporary)
        except OSError:
            if not _is_current(data_file):  # else another process was faster
                raise
    return data_file


def scene_rng(split: str, number: int) -> np.random.Generator:
    """The source of randomness of one image."""
    return np.random.default_rng([VERSION, list(NUM_IMAGES).index(split), number])


def _is_current(data_file: Path) -> bool:
    return data_file.is_file() and data_file.read_text(encoding="utf-8").startswith(STAMP + "\n")


def _remove_outdated(folder: Path, data_file: Path) -> None:
    if data_file.is_file() and data_file.read_text(encoding="utf-8").startswith(STAMP.split(",")[0]):
        shutil.rmtree(folder)
    elif folder.exists():
        raise DataError(f"{folder}: is not the drawn data set 'shapes', which belongs there; move it away")


def _draw_all(folder: Path) -> None:
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    with progress(desc="draw shapes", total=sum(NUM_IMAGES.values()), unit=" images") as bar:
        for split in NUM_IMAGES:
            lines = []
            for line in _draw_split(folder, split):
                lines.append(line)
                bar.update()
            (folder / f"shapes-{split}.txt").write_text("".join(lines), encoding="utf-8")
    (folder / "shapes.names").write_text("".join(f"{name}\n" for name in NAMES), encoding="utf-8")
    keys = [STAMP, f"classes = {len(NAMES)}", "names = shapes.names", "backup = backup"]
    keys += [f"{'valid' if split == 'val' else split} = shapes-{split}.txt" for split in NUM_IMAGES]
    (folder / "shapes.data").write_text("\n".join(keys) + "\n", encoding="utf-8")


def _draw_split(folder: Path, split: str) -> Iterator[str]:
    """Draw the images of a split, and yield the line of each in the image list."""
    for number in range(NUM_IMAGES[split]):
        rng = scene_rng(split, number)
        scene = draw_scene(rng)
        stem = f"shapes_{split}_{number:04d}"
        name = stem + (".png" if rng.random() < PNG_PART else ".jpg")
        cv2.imwrite(str(folder / "images" / name), scene.image)
        size = (scene.image.shape[1], scene.image.shape[0])
        rows = format_yolo(scene.boxes_xyxy, scene.class_ids, size)
        (folder / "labels" / f"{stem}.txt").write_text(rows, encoding="utf-8")
        yield f"images/{name}\n"
