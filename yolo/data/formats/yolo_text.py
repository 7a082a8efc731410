"""What the formats with YOLO text labels share: the path of an image tells where its labels are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.data.formats.dataset_format import Source
from yolo.data.labels import label_candidates, label_path, read_yolo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolo.data.labels import Labels
    from yolo.errors import DataError


class YoloTextSource(Source):
    """A data set whose labels are the files of `labels.label_path`."""

    places: Mapping[str, Sequence[Path]]  # split -> folders of images, and lists of them

    def label_files(self, image: Path) -> list[Path]:
        return label_candidates(image)

    def read_labels(self, image: Path, width: int, height: int) -> tuple[Labels | None, list[DataError]]:
        path = label_path(image)
        return read_yolo(path, len(self.names), width, height) if path else (None, [])
