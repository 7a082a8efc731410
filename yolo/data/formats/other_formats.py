"""Recognise label files of formats that are not read, and say how to convert them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.data.formats.folders import find_files

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 1 << 14  # bytes that are looked at
MAX_FILES = 200  # that are looked at in a folder
ROWS = "write a .txt beside each image with rows 'class cx cy width height' in fractions of the image"


@dataclass(frozen=True, slots=True)
class OtherFormat:
    """A format that is not read."""

    title: str
    suffix: str  # of its files
    pattern: re.Pattern[str]  # occurs in the first bytes of a file
    remedy: str


OTHER_FORMATS = (
    OtherFormat(
        "OpenImages' table of boxes",
        ".csv",
        re.compile(r"\AImageID,.*LabelName,.*XMin"),
        f"{ROWS}: cx = (XMin + XMax) / 2, cy = (YMin + YMax) / 2, width = XMax - XMin, height = YMax - YMin",
    ),
    OtherFormat(
        "a table of boxes",
        ".csv",
        re.compile(r"(?i)\A[^\n]*\b(xmin|x_min|x1)\b"),
        f"export the data set again as YOLO, COCO or VOC, or {ROWS}",
    ),
    OtherFormat(
        "a KITTI label file",
        ".txt",
        re.compile(r"\A[A-Za-z_]+( -?[0-9.]+){14}"),
        f"{ROWS}: columns 5 to 8 are left, top, right and bottom in pixels, so cx = (left + right) / 2 / image width",
    ),
    OtherFormat(
        "CVAT's own XML",
        ".xml",
        re.compile(r"<annotations>\s*<version>"),
        "export the task again as 'YOLO 1.1', 'COCO 1.0' or 'PASCAL VOC 1.1'",
    ),
    OtherFormat("a LabelMe file", ".json", re.compile(r'"(imagePath|imageData|shapes)"\s*:'), "convert it to COCO"),
    OtherFormat("a VGG Image Annotator file", ".json", re.compile(r'"(_via_\w+|regions)"\s*:'), "export it as COCO"),
    OtherFormat("a CreateML file", ".json", re.compile(r'\A\s*\[\s*\{\s*"image"\s*:'), "export it as YOLO or COCO"),
    OtherFormat(
        "a Label Studio file",
        ".json",
        re.compile(r'\A\s*\[\s*\{.*"(annotations|completions|file_upload)"', re.DOTALL),
        "export the project again as 'YOLO with Images', or as COCO",
    ),
    OtherFormat("a TFRecord file", ".tfrecord", re.compile(""), "export the data set again as YOLO, COCO or VOC"),
)


def describe_other_format(path: Path) -> str | None:
    """Return one line that names a file's format and how to convert it, or None if it is not one of these formats.

    Args:
        path: a file, or a folder whose files are looked at.
    """
    suffixes = tuple({other.suffix for other in OTHER_FORMATS})
    for file in find_files(path, suffixes)[:MAX_FILES] if path.is_dir() else [path]:
        found = _recognise(file)
        if found is not None:
            return f"{file}: is {found.title}, which is not read; {found.remedy}"
    return None


def _recognise(file: Path) -> OtherFormat | None:
    with file.open("rb") as opened:
        head = opened.read(HEAD).decode("utf-8-sig", errors="replace")
    same_suffix = (other for other in OTHER_FORMATS if file.name.lower().endswith(other.suffix))
    return next((other for other in same_suffix if other.pattern.search(head)), None)
