"""Data sets with a `data.yaml`: images/SPLIT, labels/SPLIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from yolo.data.writers.dataset_writer import DatasetWriter, YoloLabelWriter, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.data.index import Record


class DataYamlWriter(DatasetWriter):
    """Writes images/SPLIT/, labels/SPLIT/ and data.yaml; ignored objects are left out.

    A split is a folder of images, or a list of paths if it shares images with an earlier split.
    """

    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = names
        self._split_of: dict[str, str] = {}  # image -> split whose folder contains it
        self._values: dict[str, str] = {}  # split -> folder or list
        self._labels = YoloLabelWriter()

    def image_path(self, name: str, split: str) -> Path:
        return self._folder / "images" / split / name

    def write_labels(self, name: str, split: str, record: Record) -> None:
        self._split_of[name] = split
        self._labels.write((self._folder / "labels" / split / name).with_suffix(".txt"), record)

    def write_split(self, split: str, names: Sequence[str]) -> None:
        if all(self._split_of[name] == split for name in names):
            self._values[split] = f"images/{split}"
        else:
            self._values[split] = f"{split}.txt"
            lines = [f"./images/{self._split_of[name]}/{name}\n" for name in names]
            write_text(self._folder / f"{split}.txt", lines)

    def finish(self) -> None:
        keys = {"path": ".", **self._values, "nc": len(self._names), "names": dict(enumerate(self._names))}
        write_text(self._folder / "data.yaml", [yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)])
        self._labels.report()
