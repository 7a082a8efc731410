"""Divide images so that every split has its share of every class. Knows no files.

Axes: U units (images that must stay together are one unit), C classes, S splits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def stratify(
    boxes_UC: npt.NDArray[np.int64],
    images_U: npt.NDArray[np.int64],
    fractions: Sequence[float],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Divide units, the rarest class first; each goes to the split that has least of its share of that class.

    A split that is full takes no more, so that the splits have the requested sizes, up to the size of a unit.

    Args:
        boxes_UC: (U, C), boxes of each class in each unit.
        images_U: (U,), images in each unit.
        fractions: (S,), each above 0, sum 1.
        rng: breaks ties.

    Returns:
        (U,), the split of each unit, 0..S-1.

    Source: Sechidis, Tsoumakas, Vlahavas, On the Stratification of Multi-Label Data (2011); differs: boxes are counted,
    not images with a class; shares are filled by the method of Sainte-Lague, as seats are in elections; and no split
    grows beyond its share of images.
    """
    background_U = images_U * (boxes_UC.sum(axis=1) == 0)
    boxes_UC = np.concatenate([boxes_UC, background_U[:, None]], axis=1)  # a class of its own
    shares = np.array(fractions, np.float64)
    room = _whole_shares(int(images_U.sum()), shares)
    given_SC = np.zeros((len(shares), boxes_UC.shape[1]), np.int64)
    parts = np.full(len(boxes_UC), -1, np.int64)
    order = rng.permutation(len(boxes_UC))
    for class_id in _rarest_first(boxes_UC):
        members = order[(boxes_UC[order, class_id] > 0) & (parts[order] < 0)]
        # Small units come last: they even out the rest.
        members = members[np.argsort(-boxes_UC[members, class_id], kind="stable")]
        for unit in members.tolist():
            fill = (given_SC[:, class_id] + boxes_UC[unit, class_id] / 2) / shares
            part = _least_full(fill, room, shares)
            parts[unit] = part
            room[part] -= images_U[unit]
            given_SC[part] += boxes_UC[unit]
    return parts


def _least_full(fill: npt.NDArray[np.float64], room: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> int:
    """Return the split that a class fills least; on a tie, the one with the most room relative to its share."""
    candidates = np.flatnonzero(room > 0) if (room > 0).any() else np.arange(len(room))
    return int(candidates[np.lexsort([-room[candidates] / shares[candidates], fill[candidates]])[0]])


def _rarest_first(boxes_UC: npt.NDArray[np.int64]) -> list[int]:
    count = (boxes_UC > 0).sum(axis=0)
    return [int(c) for c in np.argsort(count, kind="stable") if count[c]]


def _whole_shares(total: int, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Divide `total` into whole numbers by the method of the largest remainder."""
    exact = total * shares
    whole = np.floor(exact + 1e-9).astype(np.int64)
    for part in np.argsort(whole - exact, kind="stable")[: total - whole.sum()]:
        whole[part] += 1
    return whole
