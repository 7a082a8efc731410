"""Darknet's losses beside the numbers of the C program: the cases are stored here, the trainings used where at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.golden_losses import STORED_STEP, case_errors, golden_cases
from benchmarks.golden_reference import Golden
from benchmarks.golden_training import COLUMNS, GoldenTraining, training_names

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "golden"
GOLDEN = Golden(FOLDER)
AT_HAND = FOLDER.is_dir()
ABSENT = f"the golden numbers are not at {FOLDER}"
TOLERANCE = 1e-5


def load_stored() -> dict[str, Any]:
    """Written by `python -m benchmarks.golden_losses --store`."""
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


@pytest.mark.skipif(not AT_HAND, reason=ABSENT)
def test_every_number_of_every_case() -> None:
    errors = {name: max(case_errors(*case)) for name, case in golden_cases(GOLDEN).items()}
    assert {name: error for name, error in errors.items() if not error <= TOLERANCE} == {}


@pytest.mark.skipif(not AT_HAND, reason=ABSENT)
@pytest.mark.parametrize("name", training_names(GOLDEN) if AT_HAND else [])
def test_training(name: str) -> None:
    training = GoldenTraining(GOLDEN, name)
    for number in range(training.log["steps"]):
        errors = training.step(number)
        assert sorted(errors) == sorted(COLUMNS)
        assert {what: error for what, error in errors.items() if not error <= TOLERANCE} == {}
