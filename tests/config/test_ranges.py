"""Every number of every settings record has a range, within which no number is NaN or infinite."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

import yolo
from yolo.errors import SettingsError

REQUIRED: dict[Any, Any] = {str: "x", tuple: ("x",), Path: Path("x.weights")}  # values of fields without a default
TOGETHER: dict[str, dict[str, Any]] = {
    "freeze_epochs": {"freeze": "1"},
    "freeze_batch_size": {"freeze": "1", "freeze_epochs": 1},
}
TOGETHER["freeze_lr0"] = TOGETHER["freeze_batch_size"]
CHECKED_LATER = {  # against the layers, the epochs, the classes
    ("ConvertSettings", "cutoff"),
    ("ScheduleSettings", "burn_in_epochs"),
    ("PredictSettings", "classes"),
}


def records() -> Iterator[type]:
    """Yield the settings records of the package."""
    for module in pkgutil.walk_packages(yolo.__path__, "yolo."):
        if module.name.endswith("__main__") and module.name != "yolo.remote.__main__":
            continue
        for name, each in vars(importlib.import_module(module.name)).items():
            if dataclasses.is_dataclass(each) and name.endswith("Settings") and each.__module__ == module.name:
                yield each  # type: ignore[misc]


def kinds(hint: Any) -> set[Any]:
    """Return the types of the single values that a field takes."""
    if get_origin(hint) in (types.UnionType, Union, tuple):
        return set().union(*(kinds(part) for part in get_args(hint)))
    return {hint}


def numbers() -> Iterator[Any]:
    for record in records():
        try:
            hints = get_type_hints(record)
        except NameError:  # no command line has it: tyro reads the hints too
            continue
        for field in dataclasses.fields(record):
            if kinds(hints[field.name]) & {int, float}:
                yield pytest.param(record, field.name, hints[field.name], id=f"{record.__name__}.{field.name}")


def build(record: Any, name: str, value: object) -> None:
    hints = get_type_hints(record)
    needed = {
        field.name: REQUIRED[get_origin(hints[field.name]) or hints[field.name]]
        for field in dataclasses.fields(record)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    record(**{**needed, **TOGETHER.get(name, {}), name: value})


@pytest.mark.parametrize(("record", "name", "hint"), list(numbers()))
def test_every_number_has_a_range(record: Any, name: str, hint: Any) -> None:
    if (record.__name__, name) in CHECKED_LATER:
        pytest.skip("checked where its limit is known")
    is_float = float in kinds(hint)
    wrong = [float("nan"), float("inf"), float("-inf"), -1.0] if is_float else [-1, 10**15]
    is_tuple = tuple in {get_origin(part) for part in (hint, *get_args(hint))}
    for value in wrong:
        with pytest.raises(SettingsError):
            build(record, name, (value, value) if is_tuple else value)
