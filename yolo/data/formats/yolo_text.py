"""The common part of formats with YOLO text labels, whose paths follow from the image paths."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.labels import label_candidates, label_path, read_yolo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from yolo.data.labels import Labels
    from yolo.errors import DataError

NOT_LABELS = {"classes.txt", "labels.txt", "obj.txt", "notes.txt"}  # files that labelling tools put among the labels


class YoloTextFormat(DatasetFormat):
    """A data set whose label files are found by `labels.label_path`."""

    has_fraction_rows = True
    places: Mapping[str, Sequence[Path]]  # split -> folders of images, and lists of them

    def label_files(self, image: Path) -> list[Path]:
        return label_candidates(image)

    def read_labels(self, image: Path, width: int, height: int) -> tuple[Labels | None, list[DataError]]:
        path = label_path(image)
        return read_yolo(path, len(self.names), width, height) if path else (None, [])

    def find_label_files(self, used: Collection[Path]) -> list[Path]:
        lists = {path.resolve() for path in chain.from_iterable(self.places.values())}
        files = [path for folder in {p.parent for p in used} for path in folder.glob("*.txt")]
        return sorted(p for p in files if p.name not in NOT_LABELS and p.resolve() not in lists)
