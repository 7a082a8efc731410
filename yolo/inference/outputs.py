"""What the detect program writes: drawn images and videos, detections as JSON and as text, cut-out objects."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from yolo.data.labels import format_yolo
from yolo.inference.results import free_path
from yolo.inference.sources.frame import file_stem
from yolo.inference.video_writer import VideoWriter
from yolo.storage import atomic_path
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    import types
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from yolo.config.detect_settings import DetectSettings
    from yolo.inference.results import Result


logger = logging.getLogger(__name__)


class Output(Protocol):
    """Takes results one by one; closed at the end, whatever ends it, it leaves whole files only."""

    def write(self, result: Result) -> None:
        """Write what this output keeps of a result."""

    def close(self) -> None:
        """Finish the files."""


@dataclass(slots=True)
class Drawings:
    """Drawn images, and a drawn video of each video."""

    folder: Path
    _video: VideoWriter | None = None
    _video_name: str = ""
    _next_frame: int = 0

    def write(self, result: Result) -> None:
        video = result.frame.video
        if video is None:
            path = free_path(self.folder, result.frame.stem, result.frame.suffix)
            write_image(path, result.plot())
            return
        if self._video is None or self._video_name != video.name:
            self.close()
            path = free_path(self.folder, file_stem(video.name), ".mp4")
            height, width = result.frame.image.shape[:2]
            self._video = VideoWriter(path, video.fps, (width, height))
            self._video_name, self._next_frame = video.name, result.frame.number
        # Frames of a stream that were left out are filled with this one, so that the video keeps the stream's time.
        self._video.write(result.plot(), times=result.frame.number + 1 - self._next_frame)
        self._next_frame = result.frame.number + 1

    def close(self) -> None:
        if self._video is not None:
            video, self._video = self._video, None
            video.close()
            logger.info("%s: %d frames", video.path, video.num_frames)


class JsonList:
    """All detections in one JSON list, an entry an image, written as they come."""

    def __init__(self, path: Path) -> None:
        self._stack = contextlib.ExitStack()
        temporary = self._stack.enter_context(atomic_path(path))
        self._file: TextIO = self._stack.enter_context(temporary.open("w", encoding="utf-8"))
        self._file.write("[")
        self._separator = "\n"

    def write(self, result: Result) -> None:
        self._file.write(self._separator + json.dumps(as_json(result), ensure_ascii=False))
        self._separator = ",\n"

    def close(self) -> None:
        with self._stack:
            self._file.write("\n]\n")


@dataclass(frozen=True, slots=True)
class TextFiles:
    """A file an image with a line an object: class, centre, width and height as fractions, and perhaps the score."""

    folder: Path
    scores: bool

    def write(self, result: Result) -> None:
        height, width = result.frame.image.shape[:2]
        lines = format_yolo(result.boxes_xyxy.astype(float), result.class_ids, (width, height)).splitlines()
        if self.scores:
            lines = [f"{line} {score:.6f}" for line, score in zip(lines, result.scores.tolist(), strict=True)]
        with atomic_path(free_path(self.folder, result.frame.stem, ".txt")) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def close(self) -> None:
        """Every file is whole already."""


@dataclass(frozen=True, slots=True)
class Crops:
    """The pixels of each object, in a folder a class."""

    folder: Path

    def write(self, result: Result) -> None:
        for name, pixels in zip(result.names, crops(result), strict=True):
            folder = self.folder / (re.sub(r"[^\w.-]+", "-", name) or "class")
            write_image(free_path(folder, result.frame.stem, result.frame.suffix), pixels)

    def close(self) -> None:
        """Every file is whole already."""


class Outputs:
    """Several outputs as one; leaving the `with` block closes them all."""

    def __init__(self, outputs: list[Output]) -> None:
        self._outputs = outputs
        self._stack = contextlib.ExitStack()
        for output in outputs:
            self._stack.callback(output.close)

    def write(self, result: Result) -> None:
        for output in self._outputs:
            output.write(result)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._stack.close()


def crops(result: Result) -> list[npt.NDArray[np.uint8]]:
    """The pixels of each object (h, w, 3), at least one."""
    height, width = result.frame.image.shape[:2]
    found = []
    for left, top, right, bottom in result.boxes_xyxy.round().astype(int).tolist():
        x, y = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
        found.append(result.frame.image[y : max(bottom, y + 1), x : max(right, x + 1)])
    return found


def as_json(result: Result) -> dict[str, Any]:
    """A result in plain types; boxes are xyxy in the image's pixels."""
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


def build_outputs(settings: DetectSettings, folder: Path) -> list[Output]:
    """The outputs that the settings ask for, which write into the run's folder."""
    chosen: list[Output | None] = [
        Drawings(folder) if settings.save else None,
        JsonList(folder / "detections.json") if settings.save_json else None,
        TextFiles(folder / "labels", settings.save_conf) if settings.save_txt else None,
        Crops(folder / "crops") if settings.save_crop else None,
    ]
    return [output for output in chosen if output]
