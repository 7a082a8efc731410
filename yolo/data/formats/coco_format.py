"""COCO data sets: JSON files that hold all boxes of a split, and images somewhere near them.

Class ids are the ranks of the category ids, of all files together. Crowds are neither hit nor miss.
The size of an image comes from its header, as in all formats: it costs a tenth of a millisecond, shows that the
image is one, and knows of rotation. Where the file says another size, its boxes cannot be placed: reading stops.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolo.darknet.data_file import number_equal_names
from yolo.darknet.stated_path import path_ends
from yolo.data.formats.coco_file import CocoFile, CocoImage, is_coco, read_coco
from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.folders import ALL, SPLIT_WORDS, find_folders, split_of, split_of_folder, train_first
from yolo.data.formats.sizes import require_stated_size
from yolo.data.labels import Labels
from yolo.errors import DataError, MissingImageError
from yolo.log import progress
from yolo.storage import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

_log = logging.getLogger(__name__)

ANNOTATIONS = "annotations"
NO_PARENT = "none"  # the supercategory of Roboflow's root category
PREFIX = "instances_"  # of the files that hold boxes, in COCO itself


class CocoFormat(DatasetFormat):
    """A folder with `annotations/*.json`, or with JSON files beside the images, or one JSON file.

    Splits are named by the files (`instances_train2017.json`) or by their folders (`train/_annotations.coco.json`).
    """

    accepts = "a COCO JSON file or a folder with annotations/*.json"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return bool(_json_files(path))

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        files = _json_files(path)
        self._paths = train_first(_by_split(files))
        self.splits = tuple(self._paths)
        self._files: dict[str, CocoFile] = {}
        self._images: dict[Path, tuple[CocoFile, CocoImage]] = {}  # of the splits whose images were asked for

    @cached_property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]  # read at the first use, which may never come
        return number_equal_names(list(self._categories.values()), self.path)

    def origins(self, split: str) -> list[Path]:
        path = self._paths[split]
        folders = [found for folder in _named_folders(path, split) for found in find_folders(folder)]
        return [self.path, path.parent, _root(path), *self._paths.values(), *folders]

    def iterate_images(self, split: str) -> Iterator[Path | DataError]:
        file = self._file(split)
        folders = [folder for folder in _image_folders(file.path, split) if folder.is_dir()]
        ids: dict[Path, int] = {}
        for image in progress(file.images, "find images", unit=" images", delay=1):
            path = _find(image, folders, file.path)
            if isinstance(path, DataError):
                yield path
            elif path in ids:
                twice = f"images {ids[path]} and {image.id} are both '{path}'"
                yield DataError(f"{file.path}: {twice}; move the annotations to one and remove the other")
            else:
                ids[path] = image.id
                self._images[path] = file, image
                yield path

    def coco_ids(self, split: str) -> tuple[list[int], list[int]]:
        return [image.id for image in self._file(split).images], list(self._categories)

    def label_files(self, image_path: Path) -> list[Path]:
        return []

    def read_labels(self, image_path: Path, width: int, height: int) -> tuple[Labels | None, list[DataError]]:
        file, image = self._images[image_path]
        if not file.has_annotations:
            return None, []
        require_stated_size(f"{file.path}: image {image.id}", image.size, image_path, (width, height))
        first, last = np.searchsorted(file.image_ids, [image.id, image.id + 1])
        class_ids = np.searchsorted(self._category_ids, file.category_ids[first:last])
        lines = tuple(file.ids[first:last].tolist())
        mine = slice(first, last)
        labels = Labels(
            file.path,
            lines,
            file.boxes_xyxy[mine],
            class_ids,
            file.crowd[mine],
            areas=file.areas[mine],
            numbered="annotation",
        )
        return labels, []

    def _file(self, split: str) -> CocoFile:
        if split not in self._files:
            self._files[split] = read_coco(self._paths[split])
        return self._files[split]

    @cached_property
    def _categories(self) -> dict[int, str]:
        """Category id -> class name, of all files, in the order of the ids."""
        names: dict[int, str] = {}
        for file in map(self._file, self.splits):
            for category_id, name in file.names.items():
                if names.setdefault(category_id, name) != name:
                    other = f"the category {category_id} is '{name}', but '{names[category_id]}' in another file"
                    raise DataError(f"{file.path}: {other} of {self.path}; make them agree")
        root = self._root_category(names)
        if root is not None:
            _log.info("%s: '%s', the root of the categories, has no box and is no class", self.path, names[root])
            del names[root]
        return dict(sorted(names.items()))

    def _root_category(self, names: Mapping[int, str]) -> int | None:
        """Return the category that is only the parent of all others, as Roboflow writes it; None if there is none."""
        parents = {
            category: parent for file in map(self._file, self.splits) for category, parent in file.parents.items()
        }
        roots = [category for category, parent in parents.items() if parent == NO_PARENT]
        if len(roots) != 1 or len(names) < 2:
            return None
        (root,) = roots
        is_used = any(root in file.category_ids for file in map(self._file, self.splits))
        others = {parent for category, parent in parents.items() if category != root}
        return root if not is_used and others == {names[root]} else None

    @cached_property
    def _category_ids(self) -> npt.NDArray[np.int64]:
        return np.array(list(self._categories), np.int64)


def _json_files(path: Path) -> list[Path]:
    """The COCO files that a path means."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" and is_coco(path) else []
    for pattern in (f"{ANNOTATIONS}/*.json", "*.json", "*/*.json"):
        files = [file for file in sorted(path.glob(pattern)) if file.is_file() and is_coco(file)]
        if files:
            return [file for file in files if file.name.startswith(PREFIX)] or files
    return []


def _by_split(paths: Sequence[Path]) -> dict[str, Path]:
    """A name for each file: the split if only one means it, else its own."""
    splits = [_split(path) for path in paths]
    count = Counter(splits)
    alone = ALL if len(paths) == 1 else None
    named = [
        split if split and count[split] == 1 else alone or _stem(p) for split, p in zip(splits, paths, strict=True)
    ]
    return dict(zip(named, paths, strict=True))


def _split(path: Path) -> str | None:
    return split_of(path.stem) or split_of_folder(path.parent.name)


def _stem(path: Path) -> str:
    return path.stem.removeprefix(PREFIX)


def _root(path: Path) -> Path:
    """The folder of the data set that a JSON file belongs to."""
    return path.parent.parent if path.parent.name == ANNOTATIONS else path.parent


def _named_folders(path: Path, split: str) -> list[Path]:
    """The folders whose names say that they hold the images of a file; they may not exist."""
    root = _root(path)
    names = dict.fromkeys([_stem(path), split, *(word for word, meant in SPLIT_WORDS.items() if meant == split)])
    named = [root / folder / name for name in names for folder in ("", "images")]
    return named + [root / name for name in ("images", "JPEGImages", "data")]


def _image_folders(path: Path, split: str) -> list[Path]:
    return [*_named_folders(path, split), path.parent, _root(path)]


def _is_below(candidate: str, root: str) -> bool:
    """Return whether a path lies in the folder of the data set: a description must not name other files."""
    return os.path.normpath(os.path.abspath(candidate)).startswith(root + os.sep)  # noqa: PTH100


def _is_fetched(root: str) -> bool:
    return any(_is_below(root, str(cache_folder(kind))) for kind in ("remote", "stream"))


def _find(image: CocoImage, folders: Sequence[Path], path: Path) -> Path | DataError:
    root = os.path.abspath(_root(path))  # noqa: PTH100
    # absolute names are what `yolo.data split` writes; a data set that was fetched may not name files of this machine
    is_free = ".." not in image.file_name and not (os.path.isabs(image.file_name) and _is_fetched(root))  # noqa: PTH117
    ends = map(str, path_ends(image.file_name))  # of paths of another machine or system
    for name in (image.file_name, *ends):
        for folder in folders:
            candidate = os.path.join(folder, name)  # noqa: PTH118 (Path is slow)
            if os.path.isfile(candidate) and (is_free or _is_below(candidate, root)):  # noqa: PTH113
                return Path(candidate)
    places = ", ".join(map(str, folders))
    text = f"no image '{image.file_name}' in {places}; add it, or remove the entry"
    return MissingImageError(f"{path}: image {image.id}: {text}")
