"""Write the part of the golden units that the tests carry: tests/layers/golden_units.npz.

python -m benchmarks.golden_subset [FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.golden_reference import Golden
from yolo.darknet.weights_file import read_weights

if TYPE_CHECKING:
    import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "tests" / "layers" / "golden_units.npz"
CHOSEN = (
    "act_hard_mish",
    "act_normalize_channels_softmax_maxval",
    "act_selu",
    "batchnorm",
    "conv_antialiasing1",
    "conv_antialiasing2",
    "conv_dilation",
    "conv_even_size",
    "conv_share",
    "conv_stride_xy",
    "crnn_shortcut",
    "crop",
    "crop_noadjust",
    "gaussian_lefttop",
    "implicit",
    "local_avgpool",
    "lrn",
    "max_antialiasing",
    "max_depth",
    "region_softmax",
    "reorg3d_c6",
    "reorg_c6",
    "reorg_odd_c",
    "reorg_reverse",
    "rnn",
    "route_groups",
    "sam",
    "scale_channels_wh",
    "shortcut_fewer_from",
    "shortcut_per_channel_softmax",
    "shortcut_per_feature_relu",
    "softmax_groups",
    "xnor_c_not32",
    "yolo_new_coords",
)


def main() -> None:
    """For each chosen unit: its cfg, weights and the last layer's output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT.parent / "shared" / "golden")
    golden = Golden(parser.parse_args().folder)
    stored = golden.arrays("units/units.npz")
    arrays: dict[str, npt.ArrayLike] = {}
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / "unit.weights"
        for name in CHOSEN:
            unit = golden.units[name]
            golden.write_weights(unit["cfg"], {}, weights)
            arrays[f"{name}/cfg"] = unit["cfg"]
            arrays[f"{name}/weights"] = read_weights(weights).values
            arrays[f"{name}/output"] = stored[f"{name}/{len(unit['layers']) - 1}"]
    np.savez_compressed(TARGET, **arrays)  # type: ignore[arg-type]
    print(f"{TARGET}: {len(CHOSEN)} units, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
