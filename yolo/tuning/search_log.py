"""Read and write evolve.csv: one line per generation, appended by several processes."""

from __future__ import annotations

import csv
import io
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from yolo.errors import DataError
from yolo.storage import lock_file, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

Outcome = Literal["done", "pruned", "failed"]
FIXED_COLUMNS = ("run", "outcome", "fitness", "epochs", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A run of a search and its result."""

    run: str  # its folder's name
    outcome: Outcome
    fitness: float  # of its best epoch
    epochs: int  # that it trained
    seed: int
    values: Mapping[str, float]  # of the hyper-parameters, by name


def append_generation(path: Path, generation: Generation) -> None:
    """Append a line under a lock; the first one writes the header too.

    Raises:
        DataError: the file has other columns.
    """
    columns = [*FIXED_COLUMNS, *generation.values]
    fixed = {name: str(getattr(generation, name)) for name in FIXED_COLUMNS}
    row = [*fixed.values(), *(repr(value) for value in generation.values.values())]
    with lock_file(path) as file:
        file.seek(0)
        text = file.read().decode()
        if text and next(csv.reader(text.splitlines())) != columns:
            raise DataError(f"{path}:1: its columns are not those of this search; use another --name")
        start = [] if text else [columns]
        broken = "\n" if text and not text.endswith("\n") else ""  # a process was killed in the middle of a line
        file.write((broken + _lines([*start, row])).encode())
        file.flush()
        os.fsync(file.fileno())


def read_generations(path: Path) -> list[Generation]:
    """Return the generations of a search, empty if the file does not exist; skip cut-off lines with a warning.

    Raises:
        DataError: the file is not an evolve.csv.
    """
    if not path.is_file():
        return []
    rows = list(csv.reader(read_text(path).splitlines()))
    if rows and tuple(rows[0][: len(FIXED_COLUMNS)]) != FIXED_COLUMNS:
        raise DataError(f"{path}:1: not the evolve.csv of a search; use another --name")
    read = [_generation(rows[0], row, f"{path}:{number}") for number, row in enumerate(rows[1:], start=2)]
    return [generation for generation in read if generation]


def best_generation(generations: Sequence[Generation]) -> Generation | None:
    """Return the generation with the highest fitness, the first of equal ones."""
    return max(generations, key=lambda generation: generation.fitness, default=None)


def _generation(header: Sequence[str], row: Sequence[str], place: str) -> Generation | None:
    try:
        named = dict(zip(header, row, strict=True))
        return Generation(
            run=named.pop("run"),
            outcome=cast("Outcome", named.pop("outcome")),
            fitness=float(named.pop("fitness")),
            epochs=int(named.pop("epochs")),
            seed=int(named.pop("seed")),
            values={name: float(text) for name, text in named.items()},
        )
    except ValueError:
        logger.warning("%s: incomplete line skipped", place)
        return None


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
