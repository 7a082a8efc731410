"""The layout of a `data.yaml`: images/SPLIT, labels/SPLIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from yolo.dataset_tools.writers.dataset_writer import Writer, YoloTextFiles, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.data.index import Record


class DataYamlWriter(Writer):
    """images/SPLIT/, labels/SPLIT/ and data.yaml; objects to ignore are left out.

    A split is a folder of images; one that shares images with an earlier split is a list of paths.
    """

    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = names
        self._home: dict[str, str] = {}  # image -> split whose folder it is in
        self._places: dict[str, str] = {}  # split -> folder or list
        self._labels = YoloTextFiles()

    def image_path(self, name: str, split: str) -> Path:
        return self._folder / "images" / split / name

    def write_truth(self, name: str, split: str, record: Record) -> None:
        self._home[name] = split
        self._labels.write((self._folder / "labels" / split / name).with_suffix(".txt"), record)

    def write_list(self, split: str, names: Sequence[str]) -> None:
        if all(self._home[name] == split for name in names):
            self._places[split] = f"images/{split}"
        else:
            self._places[split] = f"{split}.txt"
            lines = [f"./images/{self._home[name]}/{name}\n" for name in names]
            write_text(self._folder / f"{split}.txt", lines)

    def finish(self) -> None:
        keys = {"path": ".", **self._places, "nc": len(self._names), "names": dict(enumerate(self._names))}
        write_text(self._folder / "data.yaml", [yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)])
        self._labels.report()
