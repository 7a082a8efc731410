"""Keys of a cfg section as a typed dataclass, which is the schema.

Fields are keys (`from_` for `from`), annotations convert the values (`Path`: a file that the cfg names), defaults are
Darknet's, and `__post_init__` raises `BadValueError` for a value that the key cannot have.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from yolo.errors import CfgError

if TYPE_CHECKING:
    from yolo.darknet.cfg_file import CfgLine, Section

logger = logging.getLogger(__name__)

INT = re.compile(r"[+-]?\d+")
MAX_INT = 2**31 - 1  # of a C int
FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class BadValueError(Exception):
    """Invalid value of a key; becomes a `CfgError` with file and line where those are known."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem

    def in_section(self, section: Section) -> CfgError:
        """Return the error as a `CfgError` that names file, line and key."""
        line = section.find(self.key)
        setting = f"'{line.key}={line.value}'" if line else f"[{section.name}] without '{self.key}'"
        return CfgError(f"{section.where(self.key)}: {setting}: {self.problem}")


def check_key(key: str, holds: bool, problem: str) -> None:
    """Raise `BadValueError` unless the condition holds."""
    if not holds:
        raise BadValueError(key, problem)


Record = TypeVar("Record")


def read_keys(record: type[Record], section: Section) -> Record:
    """Read a section into a dataclass whose fields are its keys.

    Raises:
        CfgError: a missing key, or a value that the key cannot have.
    """
    hints = get_type_hints(record)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        key = field.name.rstrip("_")
        line = section.find(key)
        if line is not None and line.value:
            try:
                values[field.name] = _convert(hints[field.name], line.value, section.where(key))
            except ValueError as error:
                raise BadValueError(key, str(error)).in_section(section) from None
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise CfgError(f"{section.where()}: [{section.name}] needs '{key}='; add it")
    try:
        return record(**values)
    except BadValueError as error:
        raise error.in_section(section) from None


def unknown_keys(record: type[Record], section: Section) -> list[CfgLine]:
    """Return the lines of a section whose keys are not fields of the record."""
    known = {field.name.rstrip("_") for field in dataclasses.fields(record)}  # type: ignore[arg-type]
    return [line for line in section.lines if line.key not in known]


def _convert(hint: Any, text: str, where: str) -> Any:
    """Convert a key's text to the annotated type; a ValueError says what is allowed."""
    if get_origin(hint) is types.UnionType:  # X | None: absent means None
        hint = get_args(hint)[0]
    if hint is str:
        return text
    if hint is Path:
        return _find_named_file(text, where)
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise ValueError(f"use one of {', '.join(get_args(hint))}")
        return text
    if get_origin(hint) is tuple:
        item = get_args(hint)[0]
        return tuple(_parse_number(item, part, where) for part in text.split("#")[0].split(",") if part)
    return _parse_number(hint, text, where)


def _find_named_file(text: str, where: str) -> Path:
    """Find a file that the cfg names: in the working folder, as in Darknet, else in the cfg's or the folder above."""
    folder = Path(where.rpartition(":")[0]).parent
    candidates = [Path(text), folder / text, folder.parent / text]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _parse_number(hint: Any, text: str, where: str) -> Any:
    """Parse a number as C's atoi or atof does; text after it is ignored with a warning."""
    match = (FLOAT if hint is float else INT).match(text)
    if not match:
        raise ValueError(f"'{text}' is not a {'number' if hint is float else 'whole number'}")
    rest = text[match.end() :]
    if rest and rest[0] not in "#;":
        logger.warning("%s: '%s' is read as %s, as Darknet does", where, text, match[0])
    if hint is not float and abs(int(match[0])) > MAX_INT:
        raise ValueError(f"'{match[0]}' is too large; use at most {MAX_INT}")
    return hint(float(match[0]) if hint is float else int(match[0]))
