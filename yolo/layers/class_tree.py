"""Class hierarchies (WordTree, arXiv:1612.08242), read from a file with a line `name parent` per class."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from yolo.darknet.cfg_keys import BadValueError, check_key

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@dataclass(frozen=True, slots=True)
class ClassTree:
    """Classes in file order: siblings are adjacent, and a parent comes before its children."""

    parents: tuple[int, ...]  # one per class; -1 for a root
    group_sizes: tuple[int, ...]  # lengths of the runs of siblings

    def softmax(self, logits: Tensor) -> Tensor:
        """Softmax among siblings, along the last axis."""
        return torch.cat([group.softmax(-1) for group in torch.split(logits, list(self.group_sizes), dim=-1)], dim=-1)

    def absolute_probabilities(self, conditional: Tensor) -> Tensor:
        """Multiply conditional probabilities (given the parent) along the path from the root, over the last axis."""
        columns: list[Tensor] = []
        for value, parent in zip(conditional.unbind(-1), self.parents, strict=True):
            columns.append(value if parent < 0 else value * columns[parent])
        return torch.stack(columns, dim=-1)

    def ancestor_masks(self, class_id: Tensor) -> tuple[Tensor, Tensor]:
        """Return masks over all C classes for the paths from classes (K,) to their roots.

        Returns:
            (K, C) bool: the class and its ancestors; (K, C) bool: these and all their siblings.
        """
        parents = torch.tensor(self.parents, device=class_id.device)
        sizes = torch.tensor(self.group_sizes, device=class_id.device)
        group = torch.arange(len(sizes), device=class_id.device).repeat_interleave(sizes)
        on_path = torch.zeros(len(class_id), len(parents), dtype=torch.bool, device=class_id.device)
        with_siblings = on_path.clone()
        rows, current = torch.arange(len(class_id), device=class_id.device), class_id
        while len(rows):
            on_path[rows, current] = True
            with_siblings[rows] |= group == group[current][:, None]
            current = parents[current]
            rows, current = rows[current >= 0], current[current >= 0]
        return on_path, with_siblings


@functools.lru_cache(maxsize=8)
def read_tree(path: Path) -> ClassTree:
    """Read a tree file; cached by path.

    Raises:
        BadValueError: no such file, or a line that is not a name and the number of an earlier line.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}; paths are relative to the working folder or the cfg's"
        raise BadValueError("tree", problem) from None
    parents: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            parent = int(line.split()[1])
        except (IndexError, ValueError):
            raise BadValueError("tree", f"line {number} of {path} is not a name and a parent's number") from None
        check_key("tree", -1 <= parent < len(parents), f"line {number} of {path}: its parent must come before it")
        parents.append(parent)
    check_key("tree", len(parents) >= 1, f"{path} contains no class")
    sizes = [1]
    for before, parent in itertools.pairwise(parents):
        if parent == before:
            sizes[-1] += 1
        else:
            sizes.append(1)
    return ClassTree(tuple(parents), tuple(sizes))
