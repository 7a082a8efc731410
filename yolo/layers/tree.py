"""Trees of classes (WordTree, arXiv:1612.08242): a file with a line `name parent` for each class."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from yolo.darknet.keys import BadValueError, check
from yolo.storage import find_file

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class ClassTree:
    """Classes in file order; siblings stand together, and a parent before its children."""

    parents: tuple[int, ...]  # of each class; -1 for a root
    group_sizes: tuple[int, ...]  # of runs of siblings

    def softmax(self, logits: Tensor) -> Tensor:
        """Probabilities among siblings, along the last axis."""
        return torch.cat([group.softmax(-1) for group in torch.split(logits, list(self.group_sizes), dim=-1)], dim=-1)

    def absolute(self, conditional: Tensor) -> Tensor:
        """Probabilities given the parent -> probabilities, along the last axis."""
        columns: list[Tensor] = []
        for value, parent in zip(conditional.unbind(-1), self.parents, strict=True):
            columns.append(value if parent < 0 else value * columns[parent])
        return torch.stack(columns, dim=-1)


def read_tree(path: str) -> ClassTree:
    """Read a tree by its path as the cfg gives it, or one that is shipped in data/.

    Raises:
        BadValueError: no such file, or a line that is not a name and an earlier line's number.
    """
    found = find_file(path, "data", ".tree")
    if found is None:
        raise BadValueError("tree", "no such file; put it there, or start the program where that path holds")
    parents: list[int] = []
    for number, line in enumerate(found.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            parent = int(line.split()[1])
        except (IndexError, ValueError):
            raise BadValueError("tree", f"line {number} of {found} is not a name and a parent's number") from None
        check("tree", -1 <= parent < len(parents), f"line {number} of {found}: its parent does not stand before it")
        parents.append(parent)
    check("tree", len(parents) >= 1, f"{found} names no class")
    sizes = [1]
    for before, parent in itertools.pairwise(parents):
        if parent == before:
            sizes[-1] += 1
        else:
            sizes.append(1)
    return ClassTree(tuple(parents), tuple(sizes))
