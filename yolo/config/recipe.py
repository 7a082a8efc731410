"""Recipes: YAML files that map names of settings to values, without the nesting of the settings dataclasses."""

from __future__ import annotations

import dataclasses
import types
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from yolo.config.hyp_txt import read_hyp_txt
from yolo.errors import SettingsError
from yolo.storage import atomic_path, find_file, shipped_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from yolo.config.train_settings import TrainSettings

YAML_NAMES = {type(None): "null", tuple: "list", dict: "mapping"}  # where YAML has another name than Python

Settings = TypeVar("Settings")


def with_recipe(settings: Settings, recipe: str) -> Settings:
    """Return settings with the values of a recipe file.

    Raises:
        SettingsError: the file does not exist or is not YAML, a name is unknown, or a value has the wrong type.
    """
    path = find_file(recipe, "data", ".yaml")
    if path is None:
        names = ", ".join(shipped_names("data", ".yaml"))
        raise SettingsError(f"--hyp {recipe}: no such recipe; give a YAML file, or one of: {names}")
    values, lines = read_hyp_txt(path) if path.suffix == ".txt" else _read_yaml(path)
    unknown = set(values) - set(_names(settings))
    for name in sorted(unknown, key=lambda name: lines[name]):
        raise SettingsError(f"{path}:{lines[name]}: '{name}' is not a setting; see `python -m yolo.train --help`")
    resolved: Settings = _replace_leaves(settings, values, lambda name: f"{path}:{lines[name]}")
    return resolved


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return settings with some values replaced by name."""
    resolved: Settings = _replace_leaves(settings, values, str)
    return resolved


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Return a flat YAML mapping, and the line number of each key."""
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text) or {}
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise SettingsError(f"{path}:{line}: {problem}; a recipe has one `name: value` per line") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path}:1: a recipe has one `name: value` per line")
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key): value for key, value in values.items()}, {k.value: k.start_mark.line + 1 for k, _ in pairs}


def _names(settings: Any) -> list[str]:
    """Return the names of all leaves of the tree."""
    names = []
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        names += _names(value) if dataclasses.is_dataclass(value) else [item.name]
    return names


def _replace_leaves(settings: Any, values: Mapping[str, Any], where: Callable[[str], str]) -> Any:
    """Return a copy of the tree with leaves replaced by name, after checking their types."""
    hints = get_type_hints(type(settings))
    changes = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if dataclasses.is_dataclass(value):
            changes[item.name] = _replace_leaves(value, values, where)
        elif item.name in values:
            changes[item.name] = _check_type(values[item.name], hints[item.name], item.name, where)
    return dataclasses.replace(settings, **changes)


def _check_type(value: Any, hint: Any, name: str, where: Callable[[str], str]) -> Any:
    literals = [each for kind in _alternatives(hint) if get_origin(kind) is Literal for each in get_args(kind)]
    if isinstance(value, str) and value in literals:
        return value
    if get_origin(hint) is Literal:
        raise SettingsError(f"{where(name)}: {name}: {value!r} is not one of {', '.join(literals)}")
    if value is not None and not isinstance(value, list) and _tuple_parts(hint, 1) is not None:
        value = [value]  # a single value counts as a list of one
    if isinstance(value, list) and (parts := _tuple_parts(hint, len(value))) is not None:
        return tuple(_check_type(part, kind, name, where) for part, kind in zip(value, parts, strict=True))
    allowed = tuple(get_origin(kind) or kind for kind in _alternatives(hint) if get_origin(kind) is not Literal)
    if isinstance(value, bool) and bool not in allowed:
        pass
    elif isinstance(value, allowed):
        return value
    elif isinstance(value, int) and float in allowed:
        return float(value)
    kinds = " or ".join([*(YAML_NAMES.get(kind, kind.__name__) for kind in allowed), *literals])
    raise SettingsError(f"{where(name)}: {name}: {value!r} is not of type {kinds}")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)


def _tuple_parts(hint: Any, length: int) -> tuple[Any, ...] | None:
    """Return the types of the values of a tuple of this length; None if the setting cannot be such a tuple."""
    for kind in _alternatives(hint):
        if get_origin(kind) is not tuple:
            continue
        parts = get_args(kind)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return parts[:1] * length
        if len(parts) == length:
            return parts
    return None


def flatten_settings(settings: Any) -> dict[str, Any]:
    """Return all leaves of the tree by name."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        values |= flatten_settings(value) if dataclasses.is_dataclass(value) else {item.name: value}
    return values


def write_settings(settings: TrainSettings, path: Path) -> None:
    """Write resolved settings as a recipe that repeats the run."""
    with atomic_path(path) as temporary:
        values = flatten_settings(settings) | {"resume": ""}
        temporary.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
