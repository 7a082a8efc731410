"""One split of a data set as flat arrays: no object per image, so memory does not grow with workers.

An image of an index is a whole file or a tile of one (`tile_index.py`), with a size and boxes of its own.
Knows nothing of file formats (`formats/`) and decodes no image (`dataset.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.tiles import Tile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Record:
    """One image and its ground truth, as a format reads it; only exists while an index is built."""

    path: Path
    width: int  # of the image as displayed (EXIF rotation applied), pixels
    height: int
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels
    class_ids: npt.NDArray[np.int64]  # (N,)
    ignore: npt.NDArray[np.bool_]  # (N,), true for crowds and difficult objects: neither hit nor miss
    areas: npt.NDArray[np.float64] | None = None  # (N,), as in `Index`; None: those of the boxes


@dataclass(frozen=True, slots=True)
class Index:
    """Images and boxes of one split.

    Axes: M images, N boxes over all images.
    """

    names: tuple[str, ...]  # class names; class ids index this
    path_bytes: npt.NDArray[np.uint8]  # all paths as the file system has them, one after another
    path_spans: npt.NDArray[np.int64]  # (M, 2), start and end of path i in path_bytes; tiles of a file share a span
    image_sizes: npt.NDArray[np.int32]  # (M, 2), width and height of the file's image, pixels
    corners: npt.NDArray[np.int32]  # (M, 2), left and top of image i in its file's image; 0, 0 unless it is a tile
    sizes: npt.NDArray[np.int32]  # (M, 2), width and height of image i, pixels
    box_ends: npt.NDArray[np.int64]  # (M + 1,), the boxes of image i are box_ends[i]:box_ends[i + 1]
    all_boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels
    all_class_ids: npt.NDArray[np.int64]  # (N,)
    all_ignore: npt.NDArray[np.bool_]  # (N,)
    all_areas: npt.NDArray[np.float64]  # (N,), pixels^2, of the outline where the data set states it, else of the box

    @classmethod
    def from_records(cls, names: Sequence[str], records: Iterable[Record]) -> Index:
        """Pack records; their order is kept."""
        rows = list(records)
        paths = [os.fsencode(r.path) for r in rows]
        path_ends = np.cumsum([0, *map(len, paths)], dtype=np.int64)
        sizes = np.array([(r.width, r.height) for r in rows], np.int32).reshape(-1, 2)
        return cls(
            names=tuple(names),
            path_bytes=np.frombuffer(b"".join(paths), np.uint8),
            path_spans=np.stack([path_ends[:-1], path_ends[1:]], axis=1),
            image_sizes=sizes,
            corners=np.zeros_like(sizes),
            sizes=sizes,
            box_ends=np.cumsum([0, *(len(r.class_ids) for r in rows)], dtype=np.int64),
            all_boxes_xyxy=np.concatenate([np.zeros((0, 4)), *(r.boxes_xyxy for r in rows)]),
            all_class_ids=np.concatenate([np.zeros(0, np.int64), *(r.class_ids for r in rows)]),
            all_ignore=np.concatenate([np.zeros(0, np.bool_), *(r.ignore for r in rows)]),
            all_areas=np.concatenate([np.zeros(0), *(_areas(r) for r in rows)]),
        )

    def single_class(self) -> Index:
        """The same objects, all of one class."""
        return replace(self, names=("object",), all_class_ids=np.zeros_like(self.all_class_ids))

    def __len__(self) -> int:
        return len(self.sizes)

    def path(self, i: int) -> Path:
        start, end = self.path_spans[i]
        return Path(os.fsdecode(self.path_bytes[start:end].tobytes()))

    def size(self, i: int) -> tuple[int, int]:
        """(width, height) of image i, pixels."""
        return int(self.sizes[i, 0]), int(self.sizes[i, 1])

    def image_size(self, i: int) -> tuple[int, int]:
        """(width, height) of the image in the file of image i, pixels."""
        return int(self.image_sizes[i, 0]), int(self.image_sizes[i, 1])

    def tile(self, i: int) -> Tile:
        """The part of its file's image that image i is."""
        (left, top), (width, height) = self.corners[i].tolist(), self.size(i)
        return Tile(left, top, left + width, top + height)

    def of_same_file(self, i: int) -> range:
        """The numbers of all images whose file is that of image i: its tiles, in order."""
        starts = self.path_spans[:, 0]
        return range(int(np.searchsorted(starts, starts[i])), int(np.searchsorted(starts, starts[i], "right")))

    def boxes_xyxy(self, i: int) -> npt.NDArray[np.float64]:
        """(n, 4), pixels of image i."""
        return self.all_boxes_xyxy[self.box_ends[i] : self.box_ends[i + 1]]

    def class_ids(self, i: int) -> npt.NDArray[np.int64]:
        return self.all_class_ids[self.box_ends[i] : self.box_ends[i + 1]]

    def ignore(self, i: int) -> npt.NDArray[np.bool_]:
        return self.all_ignore[self.box_ends[i] : self.box_ends[i + 1]]

    def records(self) -> Iterator[Record]:
        """The images one by one, in order."""
        for i in range(len(self)):
            areas = self.all_areas[self.box_ends[i] : self.box_ends[i + 1]]
            yield Record(self.path(i), *self.size(i), self.boxes_xyxy(i), self.class_ids(i), self.ignore(i), areas)


def _areas(record: Record) -> npt.NDArray[np.float64]:
    return (record.boxes_xyxy[:, 2:] - record.boxes_xyxy[:, :2]).prod(axis=1) if record.areas is None else record.areas
