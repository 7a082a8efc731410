"""Compare `DarknetLoss` with numbers of the C Darknet.

python -m benchmarks.golden_losses [FOLDER] [--store]

--store also writes the cases that the tests use: tests/losses/darknet/golden_losses.npz.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.golden_reference import Floats, Golden
from yolo.darknet.cfg_file import CfgFile
from yolo.layers import HeadSpec, spec_from_section
from yolo.losses.darknet.darknet_loss import DarknetLoss

if TYPE_CHECKING:
    from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
CASES = "train/loss"
TARGET = ROOT / "tests" / "losses" / "darknet" / "golden_losses.npz"
STORED_STEP = 7  # the tests store every 7th value of a delta


def build_head(case: dict[str, Any]) -> HeadSpec:
    """Build the record of a case's head."""
    lines = "".join(f"{key}={value}\n" for key, value in case["options"].items())
    spec = spec_from_section(CfgFile.parse(f"[net]\n[{case['section']}]\n{lines}", "case").layers[0])
    assert isinstance(spec, HeadSpec)
    return spec


def build_raw(case: dict[str, Any], dtype: torch.dtype) -> Tensor:
    """Return the raw output (1, C, H, W) that a case was recorded with."""
    values = np.random.Generator(np.random.PCG64(case["input_seed"])).standard_normal(case["shape"], np.float32)
    if case["input_sigmoid"]:
        values = (1 / (1 + np.exp(-values.astype(np.float64)))).astype(np.float32)
    return torch.from_numpy(values)[None].to(dtype)


def cost_and_delta(case: dict[str, Any], dtype: torch.dtype = torch.float32) -> tuple[float, Floats]:
    """Return our cost and delta of a case."""
    raw = build_raw(case, dtype).requires_grad_()
    rows = [[0, box[4], *box[:4]] for box in case["truth"]]
    loss = DarknetLoss([build_head(case)])
    width, height = case["net_wh"]
    targets = torch.tensor(rows, dtype=dtype).view(-1, 6)
    terms = loss([raw], targets, (height, width), images_seen=case["seen"] - 1)
    total = torch.stack(list(terms.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    return total.item(), -raw.grad.flatten().numpy()


def case_errors(case: dict[str, Any], delta: Floats, step: int) -> tuple[float, float]:
    """Return the relative error of the cost, and the largest error of the delta as a share of the largest delta.

    Args:
        case: an entry of loss.json.
        delta: every `step`th value of Darknet's delta.
        step: see delta.
    """
    cost, ours = cost_and_delta(case)
    return abs(cost / case["cost"] - 1), float(np.abs(ours[::step] - delta).max() / np.abs(delta).max())


def load_cases(golden: Golden) -> dict[str, tuple[dict[str, Any], Floats, int]]:
    """Load the cases: name -> case, Darknet's delta, and its step."""
    deltas = {name.split("/")[0]: delta for name, delta in golden.arrays(f"{CASES}.npz").items() if "/delta" in name}
    return {
        name: (case, deltas[name], 1 if case["stored"] == "full" else 7)
        for name, case in golden.json(f"{CASES}.json").items()
    }


def store_cases(golden: Golden) -> None:
    """Write the cases that the tests use."""
    arrays: dict[str, Any] = {}
    kept = ("section", "options", "shape", "net_wh", "seen", "truth", "input_seed", "input_sigmoid", "cost")
    for name, (case, delta, step) in load_cases(golden).items():
        arrays[f"{name}/case"] = json.dumps({key: case[key] for key in kept})
        arrays[f"{name}/delta"] = delta[:: STORED_STEP // step]
    np.savez_compressed(TARGET, **arrays)


def main() -> None:
    """Print a table of errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT.parent / "shared" / "golden")
    parser.add_argument("--store", action="store_true")
    arguments = parser.parse_args()
    golden = Golden(arguments.folder)
    if arguments.store:
        store_cases(golden)
    print("| case | cost | delta |\n| --- | --- | --- |")
    for name, case in load_cases(golden).items():
        cost, delta = case_errors(*case)
        print(f"| {name} | {cost:.1e} | {delta:.1e} |")


if __name__ == "__main__":
    main()
