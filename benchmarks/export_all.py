"""Does every shipped network, as ONNX, find in onnxruntime and in OpenCV what it finds in PyTorch?

    python benchmarks/export_all.py
    python benchmarks/export_all.py yolov3-tiny yolov4-csp
    python benchmarks/export_all.py my.cfg --weights my.weights

Without weights of its own a network gets random ones whose maps stay of order one. Each file is run on a drawn
image, and, where its sizes are open, on two images of another size. The table has the worst difference of a score,
and of a box edge in pixels, over all candidates that score more than 0.001. "own" is how far PyTorch's single precision
is from its double precision in scores: random networks of a hundred layers amplify the last bit, and a file may be
ten times as far.
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
from opencv_reader import randomize

from yolo.boxes.nms import NmsSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.exporting.equivalence import SINGLE, compare
from yolo.exporting.export_formats import FORMATS
from yolo.exporting.graph import Interface
from yolo.exporting.job import Job
from yolo.exporting.runtimes import CannotRunError, Runner, model_runner
from yolo.exporting.sample_images import check_inputs
from yolo.model.network import Darknet
from yolo.storage import shipped_names

DETECTING = NmsSettings(score_threshold=0.005, iou_threshold=0.45, max_detections=100)
HEADER = (
    "| network | nodes | MB | own: score | onnxruntime: score | box, px | detections "
    "| OpenCV: score | box, px | detections | s |"
)


def job_of(cfg: str, weights: str | None, img_size: int | None) -> Job:
    """A network with its own weights, or with random ones."""
    torch.manual_seed(0)
    model = Darknet.from_cfg(CfgFile.read(cfg))
    interface = Interface.of(model, img_size)
    if weights:
        model.load_weights(weights)
    else:
        randomize(model, (160, 160) if 2 in interface.open_axes else interface.size)
    model.eval()
    return Job(
        model,
        (),
        interface,
        fused=True,
        detecting=DETECTING,
        suppresses=False,
        data=None,
        calibration_images=0,
    )


def in_double_precision(job: Job) -> Runner:
    """The network itself, computed as exactly as can be."""
    run = model_runner(copy.deepcopy(job.model).double(), job.interface.outputs)
    return lambda images: run(images.astype(np.float64))  # type: ignore[arg-type]


def row(cfg: str, weights: str | None, img_size: int | None, folder: Path) -> tuple[str, bool]:
    """A row of the table, and whether both programs agree with PyTorch."""
    started = time.perf_counter()
    job = job_of(cfg, weights, img_size)
    path = folder / "a.onnx"
    FORMATS["onnx"].write(job, path)
    seconds = time.perf_counter() - started
    inputs = check_inputs(job.interface, None)
    own = compare(in_double_precision(job), job.runner, inputs, DETECTING, SINGLE).score
    cells, good = [f"{own:.1e}"], True
    for runner in FORMATS["onnx"].runners(job, path).values():
        try:
            found = compare(job.runner, runner, inputs, DETECTING, SINGLE)
        except CannotRunError as error:
            cells += [f"cannot run it: {error}", "-", "-"]
            good = False
            continue
        cells += [f"{found.score:.1e}", f"{found.box:.1e}", f"{found.alike} of {found.expected}"]
        good &= found.within(SINGLE) or found.score <= 10 * own
    nodes, size = len(onnx.load(path).graph.node), path.stat().st_size / 1e6
    name = Path(cfg).stem + (", own weights" if weights else "")
    return f"| {name} | {nodes} | {size:.1f} | {' | '.join(cells)} | {seconds:.0f} |", good


def main() -> int:
    """Print the table; 1 if a network differs somewhere."""
    parser = argparse.ArgumentParser(description="export networks to ONNX and compare what finds what")
    parser.add_argument("cfg", nargs="*", help="network files or names; default: every shipped one")
    parser.add_argument("--weights", help="of the one cfg; default: random ones")
    parser.add_argument("--img-size", type=int, help="side of the input; default: each cfg's width")
    arguments = parser.parse_args()
    if arguments.weights and len(arguments.cfg) != 1:
        parser.error("--weights belongs to one cfg; name it")
    print(HEADER + "\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    all_good = True
    for cfg in arguments.cfg or shipped_names("cfg", ".cfg"):
        with tempfile.TemporaryDirectory() as folder:
            text, good = row(cfg, arguments.weights, arguments.img_size, Path(folder))
        print(text, flush=True)
        all_good &= good
    return 0 if all_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
