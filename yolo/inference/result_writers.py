"""Write results to files: drawn images and videos, JSON, label files, and crops of objects."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from yolo.data.labels import format_yolo
from yolo.inference.pre_labels import PreLabelWriter
from yolo.inference.results import unused_path
from yolo.inference.sources.frame import file_stem
from yolo.inference.uncertainty import UncertaintyWriter
from yolo.inference.video_writer import VideoWriter
from yolo.storage import atomic_path
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    import types
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from yolo.config.detect_settings import DetectSettings
    from yolo.inference.results import Result


logger = logging.getLogger(__name__)


class ResultWriter(Protocol):
    """Writes results one by one; closed after success or an error, it leaves only complete files."""

    def write(self, result: Result) -> None:
        """Write this writer's part of a result."""

    def close(self) -> None:
        """Finish the files."""


@dataclass(slots=True)
class DrawingWriter:
    """Write each image with its boxes drawn, and each video as one drawn video."""

    folder: Path
    _video: VideoWriter | None = None
    _video_name: str = ""
    _next_frame: int = 0

    def write(self, result: Result) -> None:
        video = result.frame.video
        if video is None:
            path = unused_path(self.folder, result.frame.stem, result.frame.suffix)
            write_image(path, result.plot())
            return
        if self._video is None or self._video_name != video.name:
            self.close()
            path = unused_path(self.folder, file_stem(video.name), ".mp4")
            height, width = result.frame.image.shape[:2]
            self._video = VideoWriter(path, video.fps, (width, height))
            self._video_name, self._next_frame = video.name, result.frame.number
        # Repeat this frame in place of the frames that the stream skipped, so that the video plays at the right speed.
        self._video.write(result.plot(), times=result.frame.number + 1 - self._next_frame)
        self._next_frame = result.frame.number + 1

    def close(self) -> None:
        if self._video is not None:
            video, self._video = self._video, None
            video.close()
            logger.info("%s: %d frames", video.path, video.num_frames)


class JsonWriter:
    """Write one JSON list with an entry per image; each entry is written as soon as its result arrives."""

    def __init__(self, path: Path) -> None:
        self._stack = contextlib.ExitStack()
        temporary = self._stack.enter_context(atomic_path(path))
        self._file: TextIO = self._stack.enter_context(temporary.open("w", encoding="utf-8"))
        self._file.write("[")
        self._separator = "\n"

    def write(self, result: Result) -> None:
        self._file.write(self._separator + json.dumps(result_to_json(result), ensure_ascii=False))
        self._separator = ",\n"

    def close(self) -> None:
        with self._stack:
            self._file.write("\n]\n")


@dataclass(frozen=True, slots=True)
class LabelWriter:
    """Write a label file per image: a line per object with class, cx, cy, w, h as fractions, optionally the score."""

    folder: Path
    with_scores: bool

    def write(self, result: Result) -> None:
        height, width = result.frame.image.shape[:2]
        lines = format_yolo(result.boxes_xyxy.astype(float), result.class_ids, (width, height)).splitlines()
        if self.with_scores:
            lines = [f"{line} {score:.6f}" for line, score in zip(lines, result.scores.tolist(), strict=True)]
        with atomic_path(unused_path(self.folder, result.frame.stem, ".txt")) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def close(self) -> None:
        """Do nothing: every file is complete."""


@dataclass(frozen=True, slots=True)
class CropWriter:
    """Write the pixels of each object as an image, in a folder per class."""

    folder: Path

    def write(self, result: Result) -> None:
        for name, pixels in zip(result.names, crop_objects(result), strict=True):
            folder = self.folder / (re.sub(r"[^\w.-]+", "-", name) or "class")
            write_image(unused_path(folder, result.frame.stem, result.frame.suffix), pixels)

    def close(self) -> None:
        """Do nothing: every file is complete."""


class ResultWriters:
    """Several writers as one; leaving the `with` block closes all of them, even if one of them raises an error."""

    def __init__(self, writers: Sequence[ResultWriter]) -> None:
        self._writers = writers
        self._stack = contextlib.ExitStack()
        for writer in writers:
            self._stack.callback(writer.close)

    def write(self, result: Result) -> None:
        for writer in self._writers:
            writer.write(result)

    def __enter__(self) -> ResultWriters:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._stack.close()


def build_result_writers(settings: DetectSettings, folder: Path, class_names: tuple[str, ...]) -> list[ResultWriter]:
    """Return the writers that the settings select; they write into the run's folder."""
    labels = settings.save_labels
    selected: list[ResultWriter | None] = [
        DrawingWriter(folder) if settings.save else None,
        JsonWriter(folder / "detections.json") if settings.save_json else None,
        LabelWriter(folder / "labels", settings.save_conf) if settings.save_txt else None,
        PreLabelWriter(folder / "dataset", labels, class_names) if labels else None,
        UncertaintyWriter(folder / "uncertain.csv", settings.predict.conf_thres) if settings.rank_uncertain else None,
        CropWriter(folder / "crops") if settings.save_crop else None,
    ]
    return [writer for writer in selected if writer]


def crop_objects(result: Result) -> list[npt.NDArray[np.uint8]]:
    """Return the pixels of each object, (h, w, 3) with h and w at least 1."""
    height, width = result.frame.image.shape[:2]
    crops = []
    for left, top, right, bottom in result.boxes_xyxy.round().astype(int).tolist():
        x, y = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
        crops.append(result.frame.image[y : max(bottom, y + 1), x : max(right, x + 1)])
    return crops


def result_to_json(result: Result) -> dict[str, Any]:
    """Return a result as plain types; boxes are xyxy in pixels of the image."""
    frame = result.frame
    rows = zip(result.boxes_xyxy.tolist(), result.scores.tolist(), result.class_ids.tolist(), result.names, strict=True)
    return {
        "image": frame.name,
        **({"frame": frame.number} if frame.video else {}),
        "width": frame.image.shape[1],
        "height": frame.image.shape[0],
        "detections": [
            {
                "class_id": class_id,
                "class": name,
                "score": round(score, 6),
                "xyxy": [round(value, 2) for value in xyxy],
            }
            for xyxy, score, class_id, name in rows
        ],
    }
