"""Network files (`.cfg`) as sections of keys and values, parsed by Darknet's own rules.

Blanks inside a line are ignored, lines that start with `#` or `;` are comments, and the first of two equal keys in a
section counts. Values stay text here; `cfg_keys` converts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.errors import CfgError
from yolo.remote.fetch import local_path
from yolo.storage import atomic_path, find_file, shipped_names

if TYPE_CHECKING:
    from collections.abc import Mapping

NET = -1  # stands for the [net] section where a layer number is expected


@dataclass(frozen=True, slots=True)
class CfgLine:
    """One `key=value` line."""

    key: str
    value: str
    number: int  # line in the file, from 1


@dataclass(frozen=True, slots=True)
class Section:
    """A `[name]` header and the lines below it."""

    name: str
    number: int  # line of the header, from 1
    lines: tuple[CfgLine, ...]
    path: str

    def find(self, key: str) -> CfgLine | None:
        """Return the line of a key; the first one, as in Darknet, or None."""
        return next((line for line in self.lines if line.key == key), None)

    def where(self, key: str | None = None) -> str:
        """Return `path:line` of a key, or of the header, for messages."""
        line = self.find(key) if key else None
        return f"{self.path}:{line.number if line else self.number}"


@dataclass(frozen=True, slots=True)
class CfgFile:
    """A parsed network file; `text` is kept so that an edit preserves comments and layout."""

    path: str
    text: str
    net: Section  # the first section, [net] or [network]
    layers: tuple[Section, ...]

    @classmethod
    def read(cls, path_or_name: str | Path) -> CfgFile:
        """Read a network file by path, or a shipped one by name (`yolov3-tiny`).

        Raises:
            CfgError: no such file, or it is not a network file.
        """
        path = find_file(local_path(path_or_name), "cfg", ".cfg")
        if path is None:
            names = ", ".join(shipped_names("cfg", ".cfg"))
            raise CfgError(f"{path_or_name}: no such cfg file; give a path, or one of: {names}")
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise CfgError(f"{path}: cannot be read: {error.strerror}") from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, path: str = "<text>") -> CfgFile:
        """Parse the text of a network file; `path` is only used in messages.

        Raises:
            CfgError: a line that is neither a header, a comment nor `key=value`; no [net] at the start; no layers.
        """
        sections = _parse_sections(text, path)
        if not sections or sections[0].name not in ("net", "network"):
            where = sections[0].where() if sections else f"{path}:1"
            found = f"found [{sections[0].name}]" if sections else "found no section"
            raise CfgError(f"{where}: {found}; a network file starts with [net]")
        if len(sections) == 1:
            raise CfgError(f"{path}: [net] is the only section; add at least one layer")
        return cls(path, text, sections[0], tuple(sections[1:]))

    def edited(self, changes: Mapping[tuple[int, str], str]) -> CfgFile:
        """Return a copy with some keys set to new values.

        Args:
            changes: (layer number or `NET`, key) -> value. A key that the section lacks is added below its header.
        """
        lines = self.text.rstrip("\n").split("\n")
        added: dict[int, list[str]] = {}
        for (index, key), value in changes.items():
            section = self.net if index == NET else self.layers[index]
            line = section.find(key)
            if line:
                lines[line.number - 1] = f"{key}={value}"
            else:
                added.setdefault(section.number, []).append(f"{key}={value}")
        text = "".join("\n".join([line, *added.get(number, [])]) + "\n" for number, line in enumerate(lines, start=1))
        return CfgFile.parse(text, self.path)

    def write(self, path: Path) -> None:
        """Write the text atomically."""
        with atomic_path(path) as temporary:
            temporary.write_text(self.text, encoding="utf-8")


def _parse_sections(text: str, path: str) -> list[Section]:
    headers: list[tuple[str, int, list[CfgLine]]] = []
    # Split where Darknet does, at newlines only: str.splitlines() would also split at form feeds and the like.
    for number, raw in enumerate(text.split("\n"), start=1):
        line = "".join(raw.split()).replace("\0", "")
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            name = line[1:].split("]")[0]
            headers.append((name, number, []))
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise CfgError(f"{path}:{number}: '{raw.strip()}': expected [section], key=value or a # comment")
        if not headers:
            raise CfgError(f"{path}:{number}: '{raw.strip()}' comes before the first section; put it below [net]")
        headers[-1][2].append(CfgLine(key, value, number))
    return [Section(name, number, tuple(lines), path) for name, number, lines in headers]
