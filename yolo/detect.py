"""`python -m yolo.detect`: detections in pictures, drawn and as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tyro

from yolo.data.collate import collate
from yolo.data.dataset import Item
from yolo.data.decode import read_picture
from yolo.data.sample import Batch, Sample
from yolo.data.sources.sizes import read_sizes
from yolo.data.transforms import letterbox
from yolo.draw import draw_boxes
from yolo.errors import DataError, require
from yolo.inference import Detector
from yolo.load import class_names, load_model, new_run_folder, select_device, validated_as
from yolo.log import progress
from yolo.ops.nms import Detections
from yolo.program import run
from yolo.storage import atomic_path

logger = logging.getLogger("yolo.detect")

PICTURE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Find objects in pictures: annotated copies and detections.json in the run's folder."""

    source: tyro.conf.Positional[tuple[str, ...]]
    """Pictures, and folders of pictures."""
    weights: str
    """.weights, .safetensors, a .pt of a run, or a name of `python -m yolo.weights list`, which is fetched."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a .pt, a .safetensors and a fetched file bring their own."""
    names: str | None = None
    """Class names, one a line; a .pt or .safetensors brings its own."""
    conf_thres: float = 0.25
    """Least score of a detection."""
    iou_thres: float = 0.45
    """Overlap above which the weaker of two detections of a class is dropped."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the run's, else the cfg's width."""
    batch_size: int = 8
    """Pictures a batch."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    offline: bool = False
    """Never touch the network: weights must be here already; YOLO_OFFLINE=1 says so too."""
    name: str = "detect"
    """The run's folder below --project."""
    project: str = "runs"
    """Folder of all runs."""

    def __post_init__(self) -> None:
        require("source", self.source, len(self.source) > 0, "at least one picture or folder")
        require("--batch-size", self.batch_size, self.batch_size >= 1, "1 or more")
        require("--img-size", self.img_size, self.img_size is None or self.img_size >= 32, "32 or more")
        require("--conf-thres", self.conf_thres, 0 <= self.conf_thres < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, 0 < self.iou_thres <= 1, "a number above 0, up to 1")


def main() -> None:
    """Read the command line and detect."""
    settings = tyro.cli(DetectSettings, prog="python -m yolo.detect")
    paths = find_pictures(settings.source)
    read_sizes(paths)  # refuses what is no picture before anything is written
    device = select_device(settings.device)
    model, own_names = load_model(settings.cfg, settings.weights, device, offline=settings.offline)
    names = class_names(settings.names, own_names, model.num_classes)
    detector = Detector(model, score_threshold=settings.conf_thres, iou_threshold=settings.iou_thres)
    size = settings.img_size or validated_as(settings.weights).get("img_size") or model.net.width
    folder = new_run_folder(settings.project, settings.name)
    results = []
    with progress(total=len(paths), desc="detect", unit="img", leave=True) as bar:
        for chunk in _chunks(paths, settings.batch_size):
            images = [read_picture(path) for path in chunk]
            found = detector(to_batch(images, size))
            for path, image, detections in zip(chunk, images, found, strict=True):
                drawn = _free_path(folder, path)
                _write_drawn(drawn, image, detections, names)
                results.append({"image": str(path), "drawn": drawn.name, **as_json(image, detections, names)})
            bar.update(len(chunk))
    with atomic_path(folder / "detections.json") as temporary:
        temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    total = sum(len(result["detections"]) for result in results)
    logger.info("%d objects in %d pictures: %s", total, len(paths), folder)


def find_pictures(sources: Sequence[str]) -> list[Path]:
    """The pictures that files and folders name; a folder's own, in order of name.

    Raises:
        DataError: nothing there, or a folder without pictures.
    """
    found: list[Path] = []
    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
            if not inside:
                raise DataError(f"{path}: no pictures in this folder ({', '.join(sorted(PICTURE_SUFFIXES))})")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise DataError(f"{path}: no such file or folder; give pictures or folders of pictures")
    return found


def to_batch(images: Sequence[np.ndarray[Any, np.dtype[np.uint8]]], size: int) -> Batch:
    """Pictures (H, W, 3), BGR, letterboxed into one batch of side `size`."""
    items = []
    for number, image in enumerate(images):
        fitted, placing = letterbox(image, (size, size))
        empty = Sample(fitted, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
        items.append(Item(number, empty, placing))
    batch = collate(items)
    assert isinstance(batch, Batch)
    return batch


def as_json(image: np.ndarray[Any, np.dtype[np.uint8]], detections: Detections, names: Sequence[str]) -> dict[str, Any]:
    """Detections of a picture in plain types; boxes are xyxy in its pixels."""
    rows = zip(detections.xyxy.tolist(), detections.score.tolist(), detections.class_id.tolist(), strict=True)
    return {
        "width": image.shape[1],
        "height": image.shape[0],
        "detections": [
            {
                "class_id": class_id,
                "class": names[class_id],
                "score": round(score, 6),
                "xyxy": [round(value, 2) for value in xyxy],
            }
            for xyxy, score, class_id in rows
        ],
    }


def _write_drawn(
    path: Path, image: np.ndarray[Any, np.dtype[np.uint8]], detections: Detections, names: Sequence[str]
) -> None:
    class_ids = detections.class_id.tolist()
    scores = detections.score.tolist()
    labels = [f"{names[class_id]} {score:.2f}" for class_id, score in zip(class_ids, scores, strict=True)]
    drawn = draw_boxes(image, detections.xyxy.cpu().numpy(), labels, class_ids)
    with atomic_path(path) as temporary:
        cv2.imwrite(str(temporary), drawn)


def _free_path(folder: Path, picture: Path) -> Path:
    """A path in the folder for a copy of the picture; pictures of one name in several folders do not collide."""
    stem, suffix = picture.stem, picture.suffix if picture.suffix.lower() in PICTURE_SUFFIXES else ".jpg"
    path, count = folder / (stem + suffix), 2
    while path.exists():
        path, count = folder / f"{stem}-{count}{suffix}", count + 1
    return path


def _chunks(paths: Sequence[Path], size: int) -> Iterator[list[Path]]:
    iterator = iter(paths)
    while chunk := list(islice(iterator, size)):
        yield chunk


if __name__ == "__main__":
    raise SystemExit(run(main))
