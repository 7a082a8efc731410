"""Darknet data sets: YOLO text labels, one list of images per split, and a `.data` file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.data.writers.dataset_writer import DatasetWriter, YoloLabelWriter, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.data.index import Record


class DarknetWriter(DatasetWriter):
    """Writes images/, labels/, a list per split, TITLE.names and TITLE.data; ignored objects are left out."""

    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        self._folder = folder
        self._title = title
        self._names = names
        self._splits: list[str] = []
        self._labels = YoloLabelWriter()
        (folder / "images").mkdir()

    def image_path(self, name: str, split: str) -> Path:
        return self._folder / "images" / name

    def write_labels(self, name: str, split: str, record: Record) -> None:
        self._labels.write((self._folder / "labels" / name).with_suffix(".txt"), record)

    def write_split(self, split: str, names: Sequence[str]) -> None:
        self._splits.append(split)
        write_text(self._folder / f"{split}.txt", [f"images/{name}\n" for name in names])

    def finish(self) -> None:
        write_description(self._folder, self._title, self._names, self._splits)
        self._labels.report()


def write_description(folder: Path, title: str, names: Sequence[str], splits: Sequence[str]) -> None:
    """Write TITLE.names and TITLE.data, which names one list SPLIT.txt per split."""
    write_text(folder / f"{title}.names", [f"{name}\n" for name in names])
    lines = [f"classes = {len(names)}\n"]
    lines += [f"{'valid' if split == 'val' else split} = {split}.txt\n" for split in splits]
    write_text(folder / f"{title}.data", [*lines, f"names = {title}.names\n", "backup = backup\n"])
