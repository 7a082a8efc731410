"""Layers against recordings of the C Darknet: a subset is stored here, the full set is used where it is available."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.golden import unit_error
from benchmarks.golden_images import image_errors, iou_errors
from benchmarks.golden_reference import Golden
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.weights_file import WeightsHeader, write_weights
from yolo.layers import HeadSpec
from yolo.model.network import Darknet

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "golden"
ABSENT = f"the golden numbers are not at {FOLDER}"
TOLERANCE = 1e-4  # relative to |mean| + standard deviation


def load_stored() -> dict[str, Any]:
    """Load the recordings that benchmarks/golden_subset.py wrote."""
    with np.load(Path(__file__).with_name("golden_units.npz")) as file:
        return {name: file[name] for name in file.files}


STORED = load_stored()
STORED_UNITS = sorted({name.split("/")[0] for name in STORED})
UNITS = sorted(json.loads((FOLDER / "units" / "units.json").read_text())) if FOLDER.is_dir() else []


def golden_input(model: Darknet) -> torch.Tensor:
    shape = (1, *model.net.input_shape)
    values = np.random.Generator(np.random.PCG64(7)).random(int(np.prod(shape)), dtype=np.float32)
    return torch.from_numpy(values.reshape(shape))


@pytest.mark.parametrize("name", STORED_UNITS)
def test_stored_layer_equals_darknet(name: str, tmp_path: Path) -> None:
    model = Darknet.from_cfg(CfgFile.parse(str(STORED[f"{name}/cfg"]), name)).eval()
    write_weights(tmp_path / "a.weights", WeightsHeader(), [STORED[f"{name}/weights"]])
    model.load_weights(tmp_path / "a.weights")
    model.save_weights(tmp_path / "b.weights")
    assert (tmp_path / "a.weights").read_bytes() == (tmp_path / "b.weights").read_bytes()
    with torch.no_grad():
        (output,) = model(golden_input(model))
    spec = model.nodes[-1].spec
    values = (spec.activate(output) if isinstance(spec, HeadSpec) else output).detach().flatten().numpy()
    expected = STORED[f"{name}/output"]
    scale = abs(expected.mean()) + expected.std()
    np.testing.assert_allclose(values, expected, rtol=0, atol=TOLERANCE * scale)


@pytest.mark.skipif(not UNITS, reason=ABSENT)
@pytest.mark.parametrize("name", UNITS)
def test_layer_equals_darknet(name: str, tmp_path: Path, golden: Golden, unit_arrays: dict[str, Any]) -> None:
    assert unit_error(golden, name, unit_arrays, tmp_path) <= TOLERANCE


@pytest.mark.skipif(not UNITS, reason=ABSENT)
def test_image_ops_and_ious_equal_darknet(golden: Golden) -> None:
    misc = golden.arrays("units/misc.npz")
    errors = {**image_errors(misc), **iou_errors(misc)}
    assert {name: error for name, error in errors.items() if not error <= 1e-5} == {}


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden(FOLDER)


@pytest.fixture(scope="module")
def unit_arrays(golden: Golden) -> dict[str, Any]:
    return golden.arrays("units/units.npz")
