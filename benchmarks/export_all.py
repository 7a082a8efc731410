"""Check that every shipped network gives PyTorch's detections as ONNX in onnxruntime and in OpenCV.

    python -m benchmarks.export_all
    python -m benchmarks.export_all yolov3-tiny yolov4-csp
    python -m benchmarks.export_all my.cfg --weights my.weights

Networks without --weights get random weights that keep feature maps of order one. Each file is run on a drawn image,
and on two images of another size if the network allows it. The table has the largest difference of a score, and of a
box edge in pixels, over all candidates that score more than 0.001. "own" is the largest difference between PyTorch's
single and double precision in scores: random networks of a hundred layers amplify the last bit, and a file may differ
by up to ten times that.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import torch

from benchmarks.opencv_reader import randomize
from yolo.boxes.nms import NmsSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.exporting.detector_graph import GraphSignature
from yolo.exporting.equivalence import FP32_TOLERANCE, compare_runners
from yolo.exporting.export_formats import FORMATS
from yolo.exporting.exporter import Exporter
from yolo.exporting.runtimes import CannotRunError, Runner, build_model_runner
from yolo.exporting.sample_images import build_check_inputs
from yolo.model.network import Darknet
from yolo.storage import shipped_names

NMS_SETTINGS = NmsSettings(score_threshold=0.005, iou_threshold=0.45, max_detections=100)
HEADER = (
    "| network | nodes | MB | own: score | onnxruntime: score | box, px | detections "
    "| OpenCV: score | box, px | detections | s |"
)


def build_exporter(cfg: str, weights: str | None, img_size: int | None) -> Exporter:
    """Build a network with the given weights, or with random ones."""
    torch.manual_seed(0)
    model = Darknet.from_cfg(CfgFile.read(cfg))
    signature = GraphSignature.from_model(model, img_size)
    if weights:
        model.load_weights(weights)
    else:
        randomize(model, (160, 160) if signature.is_resizable else signature.input_size)
    model.eval()
    return Exporter(
        model,
        (),
        signature,
        fused=True,
        nms_settings=NMS_SETTINGS,
        with_nms=False,
        labelled_images=None,
        num_calibration_images=0,
    )


def build_double_runner(exporter: Exporter) -> Runner:
    """Return a runner of the network in double precision."""
    run = build_model_runner(copy.deepcopy(exporter.model).double(), exporter.signature.output_names)
    return lambda images: run(images.astype(np.float64))  # type: ignore[arg-type]


def build_row(cfg: str, weights: str | None, img_size: int | None, folder: Path) -> tuple[str, bool]:
    """Return a row of the table, and whether both programs agree with PyTorch."""
    started = time.perf_counter()
    exporter = build_exporter(cfg, weights, img_size)
    path = folder / "a.onnx"
    FORMATS["onnx"].write(exporter, path)
    seconds = time.perf_counter() - started
    inputs = build_check_inputs(exporter.signature, None)
    reference = exporter.reference_runner
    own = compare_runners(build_double_runner(exporter), reference, inputs, NMS_SETTINGS, FP32_TOLERANCE).score
    cells, agrees = [f"{own:.1e}"], True
    for runner in FORMATS["onnx"].build_runners(exporter, path).values():
        try:
            difference = compare_runners(reference, runner, inputs, NMS_SETTINGS, FP32_TOLERANCE)
        except CannotRunError as error:
            cells += [f"cannot run it: {error}", "-", "-"]
            agrees = False
            continue
        matched = f"{difference.num_matched} of {difference.num_expected}"
        cells += [f"{difference.score:.1e}", f"{difference.box:.1e}", matched]
        agrees &= difference.is_within(FP32_TOLERANCE) or difference.score <= 10 * own
    num_nodes, num_mb = len(onnx.load(path).graph.node), path.stat().st_size / 1e6
    name = Path(cfg).stem + (", own weights" if weights else "")
    return f"| {name} | {num_nodes} | {num_mb:.1f} | {' | '.join(cells)} | {seconds:.0f} |", agrees


def main() -> int:
    """Print the table and return 1 if a file differs from its network."""
    parser = argparse.ArgumentParser(description="export networks to ONNX and compare their detections")
    parser.add_argument("cfg", nargs="*", help="network files or names; default: every shipped one")
    parser.add_argument("--weights", help="weights of the only cfg; default: random ones")
    parser.add_argument("--img-size", type=int, help="side of the input; default: each cfg's width")
    arguments = parser.parse_args()
    if arguments.weights and len(arguments.cfg) != 1:
        parser.error("--weights needs exactly one cfg")
    print(HEADER + "\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    all_agree = True
    for cfg in arguments.cfg or shipped_names("cfg", ".cfg"):
        with tempfile.TemporaryDirectory() as folder:
            row, agrees = build_row(cfg, arguments.weights, arguments.img_size, Path(folder))
        print(row, flush=True)
        all_agree &= agrees
    return 0 if all_agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
