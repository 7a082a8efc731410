"""Hold every network and layer against the numbers of the C Darknet, and print a table.

    python -m benchmarks.golden [FOLDER] [--only NAME ...] [--double]

Bars: 100 % of the networks built; layer samples within the larger of 1e-4 and three times the network's own noise,
heads within the larger of that and three times the head's own noise (noise is what two builds of Darknet differ by),
relative to |mean| + deviation of the layer; boxes within the larger of 0.1 pixel and three times what that noise is
for a box of their size; detections equal but for scores within 1e-4 of a threshold; survivors of suppression equal,
and where it starts from our boxes instead, all but a share of 1e-4, or of the noise if that is larger. With --double
our side has no rounding to speak of: what is left are the roundings of Darknet's own float32.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.golden_detections import Agreement, compare
from benchmarks.golden_images import image_errors, iou_errors
from benchmarks.golden_reference import Golden, Run, run, with_net_keys
from yolo.errors import YoloError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.golden_reference import Floats

SAMPLES = 16
MIN_BAR = 1e-4
FEW_SURVIVORS = 1e-4  # share that may differ because two boxes' overlap or scores are equal but for the noise


@dataclass
class Row:
    """One network's line in the table."""

    name: str
    problem: str = ""
    parameters: int = 0
    num_bytes: int = 0
    faults: list[str] = field(default_factory=list)
    bar: float = MIN_BAR
    layer: float = 0.0
    worst_layer: str = ""
    head: float = 0.0
    head_bar: float = MIN_BAR
    detections: Agreement | None = None

    @property
    def holds(self) -> bool:
        return not (self.problem or self.faults)

    def markdown(self) -> str:
        if self.problem:
            return f"| {self.name} | NOT BUILT: {self.problem} |"
        found = self.detections
        boxes = "" if found is None else f"{found.boxes} ({found.other_boxes}) / {found.pairs} ({found.other_pairs})"
        errors = "" if found is None else f"{found.score_error:.1e} / {found.box_error:.1e}"
        survivors = "" if found is None else f"{found.survivors} ({found.wrong_survivors}, {found.other_survivors})"
        verdict = "yes" if self.holds else "NO: " + ", ".join(self.faults)
        layer, head = f"{self.layer:.1e} ({self.worst_layer})", f"{self.head:.1e} ({self.head_bar:.1e})"
        cells = [
            self.name,
            f"{self.parameters:,}",
            f"{self.num_bytes:,}",
            f"{self.bar:.1e}",
            layer,
            head,
            boxes,
            errors,
        ]
        return f"| {' | '.join([*cells, survivors, verdict])} |"


HEADER = """| cfg | parameters | bytes | bar | layers: worst error (which) | heads: worst error (bar) | \
boxes (only one side) / classes (only one side) | score / box error, px | \
survivors (differing: of Darknet's boxes, of ours) | holds |
|---|---|---|---|---|---|---|---|---|---|"""


def measure(golden: Golden, name: str, folder: Path) -> Row:
    """Compare one network."""
    facts = golden.json(f"data/{name}.json")
    arrays = golden.arrays(f"data/{name}.npz")
    text = with_net_keys(golden.cfg_path(name).read_text(encoding="utf-8", errors="replace"), facts["override"])
    row = Row(name)
    try:
        result = run(golden, text, name, facts["input_shape"], facts["gains"], folder)
    except YoloError as error:
        row.problem = str(error)
        return row
    row.parameters, row.num_bytes = result.model.num_parameters, result.num_bytes
    row.bar = max(MIN_BAR, 3 * facts["second_build_max_rel_layer_sample_diff"])
    row.faults = structure_faults(result, facts)
    row.layer, row.worst_layer = layer_error(result, facts, arrays)
    row.head, row.head_bar = head_error(result, facts, arrays, row.bar)
    if result.model.heads:
        noise = max(head["second_build_max_abs_diff"] for head in facts["heads"])
        row.detections = compare(result, arrays, noise)
    row.faults += number_faults(row)
    return row


def structure_faults(result: Run, facts: dict[str, Any]) -> list[str]:
    """What differs of that which needs no arithmetic."""
    model = result.model
    gflops = sum(node.spec.flops(node.out_shape, *node.in_shapes) for node in model.nodes) / 1e9
    checks = {
        "parameters": model.num_parameters == facts["n_params"],
        "bytes": result.num_bytes == facts["weights_bytes"],
        "round trip": result.round_trip,
        "shapes": len(model.nodes) == facts["n_layers"] and all(same_shape(result, layer) for layer in facts["layers"]),
        f"BFLOPs {gflops:.3f}": abs(gflops - facts["bflops"]) < 0.001,
    }
    return [fault for fault, holds in checks.items() if not holds]


def same_shape(result: Run, layer: dict[str, Any]) -> bool:
    """Whether planned and real shape are Darknet's; some layers of Darknet know their number of values only."""
    index = layer["index"]
    shape = result.model.nodes[index].out_shape
    known = layer["out_c"] and layer["out_h"] and layer["out_w"]
    same = not known or tuple(shape) == (layer["out_c"], layer["out_h"], layer["out_w"])
    return bool(same and shape.numel == layer["outputs"] == result.outputs[index].size)


def layer_error(result: Run, facts: dict[str, Any], arrays: dict[str, Floats]) -> tuple[float, str]:
    """The worst layer's error at its stored samples."""
    errors = {}
    for layer in facts["layers"]:
        index, values = layer["index"], result.outputs[layer["index"]]
        if layer["type"] == "cost":
            continue
        picked = values[[j * (values.size - 1) // (SAMPLES - 1) for j in range(SAMPLES)]]
        name = f"{index} {layer['type']}"
        errors[name] = float(np.abs(picked - arrays["layer_samples"][index]).max() / scale(arrays, index))
    worst = max(errors, key=lambda name: np.nan_to_num(errors[name], nan=np.inf))
    return errors[worst], worst


def head_error(result: Run, facts: dict[str, Any], arrays: dict[str, Floats], bar: float) -> tuple[float, float]:
    """The error and the bar of the head that comes nearest to its bar or passes it, over all stored values."""
    found = [(0.0, bar)]
    for head in facts["heads"]:
        index = head["layer"]
        if head["type"] == "cost":
            continue
        stride = head.get("stride", 1)
        stored = arrays[f"head_{index}" if stride == 1 else f"head_{index}_s{stride}"]
        values = result.outputs[index][::stride]
        own_noise = head["second_build_max_abs_diff"] / scale(arrays, index)
        error = float(np.abs(values - stored).max() / scale(arrays, index))
        found.append((error, max(bar, 3 * own_noise)))
    return max(found, key=lambda pair: pair[0] / pair[1])


def scale(arrays: dict[str, Floats], index: int) -> float:
    """|mean| + deviation of a layer."""
    stats = arrays["layer_stats"][index]
    return float(abs(stats[1]) + stats[2] + 1e-12)


def number_faults(row: Row) -> list[str]:
    """Which bars a row misses."""
    holds = {"layers": row.layer <= row.bar, "heads": row.head <= row.head_bar}
    if row.detections is not None:
        found = row.detections
        holds["boxes"] = found.other_boxes == 0 and found.box_error_over_bar <= 1
        holds["classes"] = found.other_pairs == 0
        few = found.other_survivors <= max(FEW_SURVIVORS, row.bar / 3) * found.survivors
        holds["survivors"] = found.wrong_survivors == 0 and few
    return [name for name, met in holds.items() if not met]


def unit_error(golden: Golden, name: str, arrays: dict[str, Floats], folder: Path) -> float:
    """A unit's worst error over all values of all layers, relative to |mean| + deviation; inf where shapes differ."""
    unit = golden.units[name]
    result = run(golden, unit["cfg"], name, unit["input_shape"], {}, folder)
    worst = 0.0 if result.round_trip and result.model.num_parameters == unit["n_params"] else np.inf
    for index, (kind, channels, height, width, count) in enumerate(unit["layers"]):
        planned, values, stored = result.model.nodes[index].out_shape, result.outputs[index], arrays[f"{name}/{index}"]
        known = channels and height and width
        if values.size != count or planned.numel != count or (known and tuple(planned) != (channels, height, width)):
            return np.inf
        if kind != "cost":
            worst = max(worst, float(np.abs(values - stored).max() / (abs(stored.mean()) + stored.std() + 1e-12)))
    return max(worst, _unit_detections_error(result, name, arrays))


def _unit_detections_error(result: Run, name: str, arrays: dict[str, Floats]) -> float:
    """The same for a unit's boxes and scores."""
    worst = 0.0
    if not result.model.heads:
        return worst
    size = (result.model.net.height, result.model.net.width)
    for case, threshold in (("t25", 0.25), ("t005", 0.005)):
        if f"{name}/det_{case}_box" not in arrays:
            continue
        stored, sparse = arrays[f"{name}/det_{case}_box"], arrays[f"{name}/det_{case}_probs"]
        ours = result.model.candidates(result.raw, size, threshold)[0]
        scores = np.zeros(ours.scores.shape)
        if len(ours.objectness) != len(stored):
            return np.inf
        scores[sparse[:, 0].astype(int), sparse[:, 1].astype(int)] = sparse[:, 2]
        in_pixels = result.model.heads[0].section.name == "detection"
        boxes = stored[:, :4] / (np.array([size[1], size[0]] * 2) if in_pixels else 1)
        differences = (
            ours.boxes_cxcywh.numpy() - boxes,
            ours.objectness.numpy() - stored[:, 4],
            ours.scores.numpy() - scores,
        )
        worst = max([worst, *(float(np.abs(difference).max(initial=0.0)) for difference in differences)])
    return worst


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    default = Path(__file__).resolve().parents[2] / "shared" / "golden"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=default, help="the golden folder")
    parser.add_argument("--only", nargs="+", default=None, help="networks to measure; `units` for no network")
    parser.add_argument("--double", action="store_true", help="compute in float64")
    chosen = parser.parse_args(arguments)
    if chosen.double:
        torch.set_default_dtype(torch.float64)
    logging.disable(logging.WARNING)
    golden = Golden(chosen.folder)
    names = [name for name in golden.network_names() if chosen.only is None or name in chosen.only]
    print(HEADER)
    with tempfile.TemporaryDirectory() as scratch:
        rows = []
        for name in names:
            rows.append(measure(golden, name, Path(scratch)))
            print(rows[-1].markdown(), flush=True)
        print(f"\n{sum(row.holds for row in rows)} of {len(rows)} networks hold.\n")
        arrays = golden.arrays("units/units.npz")
        errors = {name: unit_error(golden, name, arrays, Path(scratch)) for name in golden.units}
    print_errors("units (layers, heads, boxes; relative)", errors)
    misc = golden.arrays("units/misc.npz")
    print_errors("resize, letterbox, crop (absolute)", image_errors(misc))
    print_errors("IoU family (absolute)", iou_errors(misc))


def print_errors(title: str, errors: dict[str, float]) -> None:
    """How many hold, the worst, and those that do not hold."""
    worst = max(errors, key=lambda name: errors[name])
    held = sum(error <= MIN_BAR for error in errors.values())
    print(f"{title}: {held} of {len(errors)} within {MIN_BAR:g}; worst {worst}: {errors[worst]:.1e}")
    for name, error in errors.items():
        if not error <= MIN_BAR:
            print(f"  {name}: {error:.2e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
