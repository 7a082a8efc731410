"""Read `data.yaml` files: class names, and the folders and image lists of each split, which are not opened."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from yolo.darknet.data_file import number_equal_names
from yolo.darknet.stated_path import path_ends
from yolo.data.formats.folders import split_of
from yolo.errors import DataError
from yolo.storage import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)

SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "test": "test"}  # key -> name of the split
OTHER_KEYS = ("path", "nc", "names")
EMPTY = ("", "~", "null", "Null", "NULL")
Keys = dict[str, yaml.Node]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataYaml:
    """A parsed `data.yaml`."""

    names: tuple[str, ...]  # class names; class ids index this
    splits: Mapping[str, tuple[Path, ...]]  # name of the split -> folders and image lists, which all exist

    @classmethod
    def read(cls, path: Path) -> DataYaml:
        """Read a `data.yaml`.

        Raises:
            DataError: the file does not exist or is not YAML, class names are missing or contradict each other,
                or no split exists.
        """
        keys = _read_keys(path)
        root = _root(path, keys)
        splits: dict[str, tuple[Path, ...]] = {}
        for key, split in [*SPLIT_KEYS.items(), *((key, key) for key in _further_splits(keys, root))]:
            texts = _texts(path, key, keys[key]) if key in keys else []
            if texts and split not in splits:
                paths = [_find(text, root, f"{path}:{line}: {key}") for text, line in texts]
                if None not in paths:
                    splits[split] = tuple(found for found in paths if found)
        if not splits:
            raise DataError(f"{path}: no images found; give 'train:' and 'val:', each a folder or an image list")
        return cls(names=_names(path, keys), splits=splits)


def _read_keys(path: Path) -> Keys:
    """Return the keys of the top level; all values stay text, so that a class may be called `no` or `1`."""
    try:
        node = yaml.compose(read_text(path), yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(f"{path}:{line}: is not YAML ({error.problem}); correct this line or the one before") from error
    except yaml.YAMLError as error:
        raise DataError(f"{path}: is not YAML ({error}); save it as UTF-8 text") from error
    if not isinstance(node, yaml.MappingNode):
        raise DataError(f"{path}: has no 'key: value' lines; it needs train, val and names")
    return {str(key.value): value for key, value in node.value}


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 1


def _texts(path: Path, key: str, node: yaml.Node) -> list[tuple[str, int]]:
    """Return the value or values of a key, each with its line; empty values are left out."""
    if isinstance(node, yaml.SequenceNode):
        return [text for entry in node.value for text in _texts(path, key, entry)]
    if not isinstance(node, yaml.ScalarNode):
        raise DataError(f"{path}:{_line(node)}: '{key}' is a mapping; write one value, or a list of values")
    return [(node.value.strip(), _line(node))] if node.value.strip() not in EMPTY else []


def _further_splits(keys: Keys, root: Path) -> list[str]:
    """Return the other keys that name an existing folder or image list; the rest belongs to other programs."""
    others = {key: node.value for key, node in keys.items() if key not in (*SPLIT_KEYS, *OTHER_KEYS)}
    texts = {key: value for key, value in others.items() if isinstance(value, str) and value not in EMPTY}
    return [key for key, text in texts.items() if (root / text).is_dir() or _is_list(root / text)]


def _is_list(path: Path) -> bool:
    return path.suffix == ".txt" and path.is_file()


def _names(path: Path, keys: Keys) -> tuple[str, ...]:
    count = _num_classes(path, keys)
    node = keys.get("names")
    if node is None or not node.value:
        raise DataError(f"{path}: has no class names; add 'names: [...]', in the order of the class ids")
    if isinstance(node, yaml.MappingNode):
        by_id = {str(key.value).strip(): value for key, value in node.value}
        if set(by_id) != set(map(str, range(len(node.value)))):
            allowed = f"number them 0..{len(node.value) - 1}, each once"
            raise DataError(f"{path}:{_line(node)}: names has the class ids {', '.join(by_id)}; {allowed}")
        node = yaml.SequenceNode("", [by_id[str(i)] for i in range(len(by_id))], node.start_mark, node.end_mark)
    if not isinstance(node, yaml.SequenceNode) or any(
        not isinstance(n, yaml.ScalarNode) or not n.value for n in node.value
    ):
        raise DataError(f"{path}:{_line(node)}: names is not a list of names; write 'names: [cat, dog]'")
    if count is not None and count != len(node.value):
        where = f"{path}:{_line(keys['nc'])}"
        raise DataError(f"{where}: 'nc: {count}', but there are {len(node.value)} names; make them agree")
    return number_equal_names([n.value for n in node.value], path)


def _num_classes(path: Path, keys: Keys) -> int | None:
    texts = _texts(path, "nc", keys["nc"]) if "nc" in keys else []
    if not texts:
        return None
    text, line = texts[0]
    if not text.isdecimal():
        raise DataError(f"{path}:{line}: 'nc: {text}' is not a number; write the number of classes, or leave it out")
    return int(text)


def _root(path: Path, keys: Keys) -> Path:
    """Return the folder that values are relative to: `path`, itself relative to the file, or the folder of the file."""
    texts = _texts(path, "path", keys["path"]) if "path" in keys else []
    if not texts:
        return path.parent
    text, line = texts[0]
    root = path.parent / Path(text).expanduser()
    if root.is_dir():
        return root
    _log.warning("%s:%d: 'path: %s': no such folder; the images are looked for in %s", path, line, text, path.parent)
    return path.parent


def _find(text: str, root: Path, where: str) -> Path | None:
    """Return the folder or image list that a value names; warn and return None if it does not exist.

    Annotation tools write `../train/images` for `train/images`, or absolute paths of the machine they ran on.
    """
    literal, inside = root / Path(text).expanduser(), _inside(text, root)
    if literal.exists():
        if inside and not Path(text).is_absolute() and not inside.samefile(literal):
            _log.warning(
                "%s: '%s' is read from %s, not %s; use a full path to choose",
                where,
                text,
                literal,
                inside,
            )
        return literal
    if inside is None:
        _log.warning("%s: '%s': no such folder or image list in %s; this split is left out", where, text, root)
        return None
    _log.warning("%s: '%s' does not exist; %s is read instead", where, text, inside)
    return inside


def _inside(text: str, root: Path) -> Path | None:
    """Return the longest end of a path that exists in a folder; None if there is none.

    An end of one part counts only if it names a split: `images` alone would match any split.
    """
    ends = (root / end for end in path_ends(text) if len(end.parts) > 1 or split_of(end.stem))
    return next((end for end in ends if end.exists()), None)
