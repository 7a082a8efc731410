"""All that was read of a data set, as flat arrays: what the checks look at.

Axes: M images, N boxes over all images.
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

ProblemKind = Literal["list", "missing-image", "truncated", "corrupt", "label-file", "row", "class", "orphan"]


class Problem(NamedTuple):
    """A fault that reading itself met."""

    kind: ProblemKind
    where: str  # `path` or `path:line`
    text: str
    image: Path | None = None


class ImageInfo(NamedTuple):
    """What an image file is."""

    content: int  # hash of the bytes
    pixels: int  # hash of the decoded pixels; 0 where it does not decode
    width: int  # as displayed, pixels; 0 where it does not decode
    height: int
    suffix: str  # that its content calls for, or "" where any will do
    is_rotated: bool  # by an EXIF tag


class ScannedImage(NamedTuple):
    """One image and its truth."""

    info: ImageInfo
    labels: Labels | None  # None where no label file is
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetScan:
    """A data set as it was read."""

    names: tuple[str, ...]  # class names; class ids index this
    splits: Mapping[str, npt.NDArray[np.int64]]  # the images of each, by number
    paths: Sequence[Path]  # (M,)
    label_paths: Sequence[Path | None]  # (M,)
    content: npt.NDArray[np.uint64]  # (M,)
    pixels: npt.NDArray[np.uint64]  # (M,)
    sizes: npt.NDArray[np.int32]  # (M, 2), width and height, pixels; 0 where it does not decode
    suffixes: Sequence[str]  # (M,)
    is_rotated: npt.NDArray[np.bool_]  # (M,)
    box_ends: npt.NDArray[np.int64]  # (M + 1,), the boxes of image i are box_ends[i]:box_ends[i + 1]
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels, as they lie in the file
    class_ids: npt.NDArray[np.int64]  # (N,)
    ignore: npt.NDArray[np.bool_]  # (N,)
    is_polygon: npt.NDArray[np.bool_]  # (N,)
    lines: npt.NDArray[np.int64]  # (N,)
    problems: Sequence[Problem]

    @property
    def decodes(self) -> npt.NDArray[np.bool_]:
        """(M,): images that can be used."""
        return self.sizes[:, 0] > 0

    @property
    def image_of(self) -> npt.NDArray[np.int64]:
        """(N,): the image of each box."""
        return np.repeat(np.arange(len(self.paths)), np.diff(self.box_ends))

    @property
    def clipped_xyxy(self) -> npt.NDArray[np.float64]:
        """(N, 4): the boxes inside their images."""
        limits = np.tile(self.sizes[self.image_of], 2)
        return np.clip(self.boxes_xyxy, 0, limits)

    @property
    def has_area(self) -> npt.NDArray[np.bool_]:
        """(N,): boxes with an area inside their image."""
        boxes = self.clipped_xyxy
        return np.asarray((boxes[:, 2:] > boxes[:, :2]).all(axis=1))

    def boxes_of(self, image: int) -> slice:
        """Where the boxes of an image are."""
        return slice(int(self.box_ends[image]), int(self.box_ends[image + 1]))

    def boxes_in(self, split: str) -> npt.NDArray[np.bool_]:
        """(N,): the boxes of a split's images."""
        return np.isin(self.image_of, self.splits[split])

    def box_place(self, box: int, image: int) -> str:
        """`path:line` of a box."""
        return f"{self.label_paths[image]}:{self.lines[box]}"


def build_scan(
    names: Sequence[str],
    splits: Mapping[str, Sequence[int]],
    paths: Sequence[Path],
    images: Sequence[ScannedImage],
    problems: Sequence[Problem],
) -> DatasetScan:
    """Pack what was read of each image; boxes of images that do not decode are left out."""
    found = [image.labels if image.labels is not None and image.info.width else None for image in images]
    labels = [entry for entry in found if entry is not None]
    infos = [image.info for image in images]
    return DatasetScan(
        names=tuple(names),
        splits={split: np.array(numbers, np.int64) for split, numbers in splits.items()},
        paths=paths,
        label_paths=[image.labels.path if image.labels else None for image in images],
        content=np.array([info.content for info in infos], np.uint64),
        pixels=np.array([info.pixels for info in infos], np.uint64),
        sizes=np.array([(info.width, info.height) for info in infos], np.int32).reshape(-1, 2),
        suffixes=[info.suffix for info in infos],
        is_rotated=np.array([info.is_rotated for info in infos], np.bool_),
        box_ends=np.cumsum([0, *(len(entry.lines) if entry else 0 for entry in found)], dtype=np.int64),
        boxes_xyxy=np.concatenate([np.zeros((0, 4)), *(entry.boxes_xyxy for entry in labels)]),
        class_ids=np.concatenate([np.zeros(0, np.int64), *(entry.class_ids for entry in labels)]),
        ignore=np.concatenate([np.zeros(0, np.bool_), *(entry.ignore for entry in labels)]),
        is_polygon=np.array([n in entry.polygon_lines for entry in labels for n in entry.lines], np.bool_),
        lines=np.array([n for entry in labels for n in entry.lines], np.int64),
        problems=[*problems, *(problem for image in images for problem in image.problems)],
    )
