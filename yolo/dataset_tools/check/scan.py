"""The images and labels of a data set as flat arrays, which the checks examine.

Axes: M images, N boxes of all images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.labels import Labels

ProblemKind = Literal[
    "list", "missing-image", "truncated", "corrupt", "no-label", "label-file", "meaning", "row", "class", "orphan"
]


class Problem(NamedTuple):
    """Something that could not be read."""

    kind: ProblemKind
    where: str  # `path` or `path:line`
    text: str
    image: Path | None = None


class ImageInfo(NamedTuple):
    """Content and size of an image file."""

    content_hash: int  # hash of the bytes
    pixel_hash: int  # hash of the decoded pixels; 0 if the image cannot be decoded
    width: int  # as displayed, pixels; 0 if the image cannot be decoded
    height: int
    corrected_suffix: str  # the suffix of its format if the file has another one, else ""
    is_rotated: bool  # by an EXIF tag


class ScannedImage(NamedTuple):
    """One image and its labels."""

    info: ImageInfo
    labels: Labels | None  # None if there is no label file
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetScan:
    """All images and labels of a data set, as they are in its files."""

    names: tuple[str, ...]  # class names; class ids index this
    splits: Mapping[str, npt.NDArray[np.int64]]  # split -> numbers of its images
    paths: Sequence[Path]  # (M,)
    label_paths: Sequence[Path | None]  # (M,)
    content_hashes: npt.NDArray[np.uint64]  # (M,), hash of the bytes
    pixel_hashes: npt.NDArray[np.uint64]  # (M,), hash of the decoded pixels; 0 if the image cannot be decoded
    sizes: npt.NDArray[np.int32]  # (M, 2), width and height, pixels; 0 if the image cannot be decoded
    corrected_suffixes: Sequence[str]  # (M,), the suffix of its format if the file has another one, else ""
    is_rotated: npt.NDArray[np.bool_]  # (M,)
    box_ends: npt.NDArray[np.int64]  # (M + 1,), the boxes of image i are box_ends[i]:box_ends[i + 1]
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels, not clipped
    class_ids: npt.NDArray[np.int64]  # (N,)
    ignore: npt.NDArray[np.bool_]  # (N,)
    is_polygon: npt.NDArray[np.bool_]  # (N,)
    lines: npt.NDArray[np.int64]  # (N,), line in the label file
    problems: Sequence[Problem]

    @property
    def is_decodable(self) -> npt.NDArray[np.bool_]:
        """(M,), True for images that can be decoded."""
        return self.sizes[:, 0] > 0

    @property
    def image_of_box(self) -> npt.NDArray[np.int64]:
        """(N,), the number of each box's image."""
        return np.repeat(np.arange(len(self.paths)), np.diff(self.box_ends))

    @property
    def clipped_xyxy(self) -> npt.NDArray[np.float64]:
        """(N, 4), the boxes clipped to their images."""
        limits = np.tile(self.sizes[self.image_of_box], 2)
        return np.clip(self.boxes_xyxy, 0, limits)

    @property
    def has_area(self) -> npt.NDArray[np.bool_]:
        """(N,), True for boxes with an area inside their image."""
        boxes_xyxy = self.clipped_xyxy
        return np.asarray((boxes_xyxy[:, 2:] > boxes_xyxy[:, :2]).all(axis=1))

    def shapes_in_input(self, size_wh: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Return (N, 2), width and height of the boxes as a letterboxed network input of this size shows them."""
        sizes = np.maximum(self.sizes[self.image_of_box], 1)
        scale = (np.array(size_wh) / sizes).min(axis=1, initial=np.inf, keepdims=True)
        boxes_xyxy = self.clipped_xyxy
        return np.asarray((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) * scale)

    def boxes_of(self, image: int) -> slice:
        """Return the range of box numbers of an image."""
        return slice(int(self.box_ends[image]), int(self.box_ends[image + 1]))

    def is_in_split(self, split: str) -> npt.NDArray[np.bool_]:
        """Return (N,), True for boxes of a split's images."""
        return np.isin(self.image_of_box, self.splits[split])

    def where_box(self, box: int, image: int) -> str:
        """Return `path:line` of a box, for messages."""
        return f"{self.label_paths[image]}:{self.lines[box]}"


def build_scan(
    names: Sequence[str],
    splits: Mapping[str, Sequence[int]],
    paths: Sequence[Path],
    images: Sequence[ScannedImage],
    problems: Sequence[Problem],
) -> DatasetScan:
    """Concatenate the images; boxes of images that cannot be decoded are left out."""
    infos = [image.info for image in images]
    labels_of_images = [image.labels if image.info.width else None for image in images]
    labels = [entry for entry in labels_of_images if entry is not None]
    return DatasetScan(
        names=tuple(names),
        splits={split: np.array(numbers, np.int64) for split, numbers in splits.items()},
        paths=paths,
        label_paths=[image.labels.path if image.labels else None for image in images],
        content_hashes=np.array([info.content_hash for info in infos], np.uint64),
        pixel_hashes=np.array([info.pixel_hash for info in infos], np.uint64),
        sizes=np.array([(info.width, info.height) for info in infos], np.int32).reshape(-1, 2),
        corrected_suffixes=[info.corrected_suffix for info in infos],
        is_rotated=np.array([info.is_rotated for info in infos], np.bool_),
        box_ends=np.cumsum([0, *(len(entry.lines) if entry else 0 for entry in labels_of_images)], dtype=np.int64),
        boxes_xyxy=np.concatenate([np.zeros((0, 4)), *(entry.boxes_xyxy for entry in labels)]),
        class_ids=np.concatenate([np.zeros(0, np.int64), *(entry.class_ids for entry in labels)]),
        ignore=np.concatenate([np.zeros(0, np.bool_), *(entry.ignore for entry in labels)]),
        is_polygon=np.array([line in entry.polygon_lines for entry in labels for line in entry.lines], np.bool_),
        lines=np.array([line for entry in labels for line in entry.lines], np.int64),
        problems=[*problems, *(problem for image in images for problem in image.problems)],
    )
