"""Find where the images and the XML annotations of a VOC data set lie: in VOC's two folders, or beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from yolo.data.formats.folders import ALL, IMAGE_SUFFIXES, find_files, split_folders
from yolo.data.labels import label_path

if TYPE_CHECKING:
    from pathlib import Path

VOC_NAMES = ("jpegimages", "annotations")  # of VOC's two folders, in any case
IMAGE_FOLDERS = (VOC_NAMES[0], "images")
ANNOTATION_FOLDERS = (VOC_NAMES[1], "annotation", "annots", "xmls", "xml", "labels")


@dataclass(frozen=True, slots=True)
class VocFolders:
    """Two folders, where the annotation of `images/x/a.jpg` is `annotations/x/a.xml`; they may be the same."""

    images: Path
    annotations: Path

    def stem(self, image: Path) -> str:
        """Return the path of an image below its folder, without its suffix."""
        return image.relative_to(self.images).with_suffix("").as_posix()

    def xml_path(self, stem: str) -> Path:
        return self.annotations / f"{stem}.xml"

    def find_xml_stems(self) -> list[str]:
        """Return the stems of all annotations, sorted."""
        files = find_files(self.annotations, (".xml",))
        return sorted(path.relative_to(self.annotations).with_suffix("").as_posix() for path in files)

    def find_images(self) -> dict[str, list[Path]]:
        """Return stem -> the images of this stem."""
        images: dict[str, list[Path]] = {}
        for path in find_files(self.images, IMAGE_SUFFIXES):
            images.setdefault(self.stem(path), []).append(path)
        return images


def find_voc_folders(path: Path) -> dict[str, VocFolders]:
    """Return split -> folders, `all` where none is named after a split; empty if it is not a VOC data set.

    Splits are folders in `path` (`train/`, as Roboflow writes them), or in both VOC folders (`images/train/`).
    """
    if not path.is_dir():
        return {}
    by_split = {split: _folders_of(folder) for split, folder in split_folders(path).items()}
    if by_split and any(by_split.values()):
        return {split: folders for split, folders in by_split.items() if folders}
    folders = _folders_of(path)
    if folders is None:
        return {}
    return (not find_voc_lists(path).is_dir() and _divided(folders)) or {ALL: folders}


def find_voc_lists(path: Path) -> Path:
    """Return the folder of the lists of splits, `ImageSets/Main` in any case; it may not exist."""
    for name in ("ImageSets", "Main"):
        path = _children(path).get(name.lower(), path / name)
    return path


def _children(path: Path) -> dict[str, Path]:
    """Return the sub-folders by their names in lower case."""
    return {child.name.lower(): child for child in sorted(path.iterdir()) if child.is_dir()} if path.is_dir() else {}


def _folders_of(path: Path) -> VocFolders | None:
    children = _children(path)
    for names in product(IMAGE_FOLDERS, ANNOTATION_FOLDERS):
        if all(name in children for name in names):
            folders = VocFolders(*(children[name] for name in names))
            if names == VOC_NAMES or find_files(folders.annotations, (".xml",)):
                return folders
    return VocFolders(path, path) if _has_xml_beside_images(path) else None


def _divided(folders: VocFolders) -> dict[str, VocFolders]:
    """Return the folders of each split: `images/train/`, with `annotations/train/` or all of `annotations/`."""
    divided = {}
    for split, images in split_folders(folders.images).items():
        annotations = folders.annotations / images.name
        divided[split] = VocFolders(images, annotations if annotations.is_dir() else folders.annotations)
    return divided


def _has_xml_beside_images(path: Path) -> bool:
    """Return whether images have XML files beside them, and not more of them YOLO text files."""
    stems = {file.with_suffix("") for file in find_files(path, (".xml",))}
    images = find_files(path) if stems else []
    num_xml = sum(image.with_suffix("") in stems for image in images)
    return num_xml > 0 and num_xml > sum(label_path(image) is not None for image in images)
