"""Darknet losses compared with numbers of the C program; the trainings run only where those are installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.golden_losses import STORED_STEP, case_errors, load_cases
from benchmarks.golden_reference import Golden
from benchmarks.golden_training import COLUMNS, GoldenTraining, training_names

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "golden"
GOLDEN = Golden(FOLDER)
HAS_GOLDEN = FOLDER.is_dir()
REASON = f"{FOLDER} does not exist"
TOLERANCE = 1e-5


def load_stored() -> dict[str, Any]:
    """Load what was written by `python -m benchmarks.golden_losses --store`."""
    with np.load(Path(__file__).with_name("golden_losses.npz")) as file:
        return {name: file[name] for name in file.files}


STORED = load_stored()
NAMES = sorted({name.split("/")[0] for name in STORED})


@pytest.mark.parametrize("name", NAMES)
def test_stored_case(name: str) -> None:
    case = json.loads(str(STORED[f"{name}/case"]))
    cost, delta = case_errors(case, STORED[f"{name}/delta"], STORED_STEP)
    assert cost <= TOLERANCE
    assert delta <= TOLERANCE


@pytest.mark.skipif(not HAS_GOLDEN, reason=REASON)
def test_every_number_of_every_case() -> None:
    errors = {name: max(case_errors(*case)) for name, case in load_cases(GOLDEN).items()}
    assert {name: error for name, error in errors.items() if not error <= TOLERANCE} == {}


@pytest.mark.skipif(not HAS_GOLDEN, reason=REASON)
@pytest.mark.parametrize("name", training_names(GOLDEN) if HAS_GOLDEN else [])
def test_training(name: str) -> None:
    training = GoldenTraining(GOLDEN, name)
    for number in range(training.log["steps"]):
        errors = training.step(number)
        assert sorted(errors) == sorted(COLUMNS)
        assert {quantity: error for quantity, error in errors.items() if not error <= TOLERANCE} == {}
