"""PASCAL VOC data sets: XML annotations, in VOC's own folders or beside the images, as labelling tools write them.

Coordinates are taken as they lie, as continuous pixel coordinates: VOC's own 1-based integers are not shifted.
The splits are the lists of `ImageSets/Main`; without them, the images that have an annotation, by the folder of a
split, or all of them as the split "all".
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.folders import find_folders, names_files, read_folder_names, train_first
from yolo.data.formats.sizes import require_stated_size
from yolo.data.formats.voc_annotation import VocAnnotation, read_voc_annotation
from yolo.data.formats.voc_folders import VocFolders, find_voc_folders, find_voc_lists
from yolo.errors import DataError, MissingImageError
from yolo.log import progress
from yolo.storage import read_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from yolo.data.labels import Labels

CLASS_LIST_ROW = re.compile(r"\S+\s+(-1|0|1)")  # VOC's lists per class (cat_train.txt): an image and a flag


class VocFormat(DatasetFormat):
    """A data set of images and VOC annotations.

    The class names are those of the one file `classes.txt`, `labels.txt` or `*.names` in the folder; without such a
    file, all object names of all annotations, sorted, so that the splits agree.
    """

    accepts = "a VOC folder (Annotations/ and JPEGImages/, or XML beside the images)"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return bool(find_voc_folders(path))

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._folders = find_voc_folders(path)  # split, or "all" -> its folders
        self._annotations: dict[Path, VocAnnotation] = {}
        self._given_names = read_folder_names([path])
        self._lists_folder = find_voc_lists(path)
        lists = [p for p in sorted(self._lists_folder.glob("*.txt")) if not self._is_class_list(p)]
        self._lists = train_first({p.stem: p for p in lists})
        self.splits = tuple(self._lists or self._folders)

    @cached_property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]  # read at the first use, which may never come
        return self._given_names or self._names_in_annotations()

    def origins(self, split: str) -> list[Path]:
        places = {place for folders in self._folders.values() for place in (folders.images, folders.annotations)}
        folders = [self.path, self._lists_folder, *(f for p in sorted(places) for f in find_folders(p))]
        files = [*names_files(self.path), *self._lists.values()]
        return folders + files + ([] if self._given_names else self._xml_files)

    def iterate_images(self, split: str) -> Iterator[Path | DataError]:
        for folders in self._folders.values() if self._lists else [self._folders[split]]:
            images, place = folders.find_images(), folders.images
            for stem, where in self._listed(split, folders, images):
                found = images.get(stem, [])
                if not found:
                    yield MissingImageError(f"{where}: no image '{stem}.*' in {place}; add it or drop the line")
                if len(found) > 1:
                    text = f"may be any of {', '.join(p.name for p in found)} in {place.name}"
                    yield MissingImageError(f"{where}: '{stem}' {text}; keep one of them")
                yield from found[:1]

    def label_files(self, image: Path) -> list[Path]:
        return [self._xml_path(image)]

    def read_labels(self, image: Path, width: int, height: int) -> tuple[Labels | None, list[DataError]]:
        path = self._xml_path(image)
        if not path.is_file():
            return None, []
        annotation = self._annotation(path)
        require_stated_size(str(path), annotation.size, image, (width, height))
        return annotation.labels(self.names)

    def find_label_files(self, used: Collection[Path]) -> list[Path]:
        del used
        return self._xml_files

    def take_readable_names(self) -> None:
        names: set[str] = set()
        for path in progress(self._xml_files, "read annotations", unit=" files", delay=1):
            with suppress(DataError):  # `read_labels` reports it
                names |= {entry.name for entry in self._annotation(path).objects}
        self.names = self._given_names or tuple(sorted(names))

    def _xml_path(self, image: Path) -> Path:
        folders = next(f for f in self._folders.values() if image.is_relative_to(f.images))
        return folders.xml_path(folders.stem(image))

    @cached_property
    def _xml_files(self) -> list[Path]:
        """All annotation files, of any split and of none."""
        paths = (folders.xml_path(stem) for folders in self._folders.values() for stem in folders.find_xml_stems())
        return list(dict.fromkeys(paths))

    def _listed(self, split: str, folders: VocFolders, images: Collection[str]) -> list[tuple[str, str]]:
        """Return the image stems of a split, and the file, and line, that names each."""
        if self._lists:
            path = self._lists[split]
            return [(stem, f"{path}:{i}") for i, stem in enumerate(read_lines(path), start=1) if stem]
        stems = folders.find_xml_stems()
        if sum(other.annotations == folders.annotations for other in self._folders.values()) > 1:
            stems = [stem for stem in stems if stem in images]  # the others are of another split
        return [(stem, str(folders.xml_path(stem))) for stem in stems]

    def _annotation(self, path: Path) -> VocAnnotation:
        if path not in self._annotations:
            self._annotations[path] = read_voc_annotation(path)
        return self._annotations[path]

    def _is_class_list(self, path: Path) -> bool:
        try:
            first = next(filter(None, read_lines(path)), "")
        except DataError:  # `iterate_images` reports it
            return False
        if CLASS_LIST_ROW.fullmatch(first) is None:
            return False
        return not any(first in folders.find_images() for folders in self._folders.values())

    def _names_in_annotations(self) -> tuple[str, ...]:
        found: set[str] = set()
        for path in progress(self._xml_files, "read annotations", unit=" files", delay=1):
            annotation = self._annotation(path)
            if annotation.errors:
                raise annotation.errors[0]
            found |= {entry.name for entry in annotation.objects}
        if not found:
            raise DataError(f"{self.path}: no annotation has an object; add classes.txt, one class name a line")
        return tuple(sorted(found))
