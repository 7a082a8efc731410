"""Arithmetic on metrics that may have no value (NaN), and the form that they have in JSON files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# Fields whose key in the JSON files differs.
_JSON_KEYS = {"num_images": "images", "num_gt": "truths", "num_detections": "detections"}


def ratio(part: int, whole: int) -> float:
    """Return part / whole; NaN if the whole is 0."""
    return part / whole if whole else math.nan


def mean_without_nan(values: npt.NDArray[np.float64]) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def to_json(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a record under their JSON keys, in the same order, with None for NaN."""
    return {
        _JSON_KEYS.get(name, name): None if isinstance(value, float) and math.isnan(value) else value
        for name, value in fields.items()
    }
