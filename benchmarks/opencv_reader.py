"""Do our networks compute what OpenCV 4's own Darknet reader computes from the same two files?

OpenCV 5 has no such reader, so that it runs in an environment of its own:

    python -m venv cv4 && cv4/bin/pip install "opencv-python-headless<5"
    python benchmarks/opencv_reader.py cv4/bin/python yolov3-tiny yolov4-tiny
    python benchmarks/opencv_reader.py cv4/bin/python my.cfg --weights my.weights

Compared are OpenCV's rows, one a candidate box: cx, cy, w, h as fractions, objectness, and a probability a class.
Both sides get the same image of noise. OpenCV normalises with an epsilon of 1e-6, Darknet (and we) with 1e-5: the
table compares at OpenCV's, and says how far apart the two epsilons are.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from yolo.layers import Yolo
from yolo.model.network import Darknet

BAR = 1e-4  # largest difference that counts as equal
OPENCV_EPSILON = 1e-6

OPENCV_PROGRAM = """
import sys
import cv2
import numpy as np

cfg, weights, image, rows = sys.argv[1:]
net = cv2.dnn.readNetFromDarknet(cfg, weights)
net.enableWinograd(False)
net.setInput(np.load(image))
np.save(rows, np.concatenate(net.forward(net.getUnconnectedOutLayersNames())))
print(cv2.__version__)
"""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One network on both sides."""

    name: str
    opencv: str  # its version
    num_rows: int
    num_classes: int
    box: float  # largest difference of cx, cy, w, h: fractions of the image
    objectness: float
    score: float
    epsilon: float  # largest difference of a row at Darknet's epsilon

    @property
    def equal(self) -> bool:
        return max(self.box, self.objectness, self.score) <= BAR


def compare(python: str, cfg: str, weights: str | None, folder: Path) -> Comparison:
    """Run one network on both sides."""
    torch.manual_seed(0)
    model = Darknet.from_cfg(cfg)
    if weights:
        model.load_weights(weights)
    else:
        randomize(model)
    model.eval()
    # by default OpenCV sets probabilities up to 0.2 to 0; this key, its own, keeps all
    model.cfg.edited({(node.index, "thresh"): "0" for node in model.heads}).write(folder / "a.cfg")
    model.save_weights(folder / "a.weights")
    image = torch.rand(1, 3, model.net.height, model.net.width)
    np.save(folder / "image.npy", image.numpy())
    files = [str(folder / name) for name in ("a.cfg", "a.weights", "image.npy", "rows.npy")]
    done = subprocess.run([python, "-c", OPENCV_PROGRAM, *files], check=True, capture_output=True, text=True)
    theirs: Array = np.load(folder / "rows.npy")
    with torch.no_grad():
        at_darknets_epsilon = detection_rows(model, image)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = OPENCV_EPSILON
        ours = detection_rows(model, image)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    difference = np.abs(ours - theirs)
    return Comparison(
        name=Path(cfg).stem,
        opencv=done.stdout.strip(),
        num_rows=len(ours),
        num_classes=model.num_classes,
        box=float(difference[:, :4].max()),
        objectness=float(difference[:, 4].max()),
        score=float(difference[:, 5:].max()),
        epsilon=float(np.abs(at_darknets_epsilon - theirs).max()),
    )


def randomize(model: nn.Module, size: tuple[int, int] = (160, 160)) -> None:
    """Random weights whose maps stay of order one, and running statistics that fit them, of images of that size."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            module.momentum = None  # a plain mean over the batches below
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, 0.1)
            if module.bias is not None:  # a head's: boxes no larger than the image, probabilities of all sizes
                module.weight.data.mul_(0.3)
                nn.init.normal_(module.bias, 0, 0.3)
    model.train()
    with torch.no_grad():
        model(torch.rand(4, 3, *size))


def detection_rows(model: Darknet, image: torch.Tensor) -> Array:
    """OpenCV's rows by our network: (N, 5 + C), head after head, cell after cell, anchor after anchor."""
    heads = []
    for node, raw in zip(model.heads, model(image), strict=True):
        spec = node.spec
        assert isinstance(spec, Yolo)
        (boxes,), _ = spec.decode(raw, (image.shape[2], image.shape[3]))
        values = spec.activate(raw)[0].permute(2, 3, 0, 1).flatten(0, 2)  # (N, 5 + C)
        corner, opposite = boxes[:, :2], boxes[:, 2:]
        size = torch.tensor([image.shape[3], image.shape[2]])
        fractions = torch.cat([(corner + opposite) / 2 / size, (opposite - corner) / size], dim=1)
        heads.append(torch.cat([fractions, values[:, 4:5], values[:, 4:5] * values[:, 5:]], dim=1))
    rows: Array = torch.cat(heads).numpy()
    return rows


def main() -> int:
    """Compare the networks that are named and print a table; 1 if one differs."""
    parser = argparse.ArgumentParser(description="compare our networks with OpenCV 4's Darknet reader")
    parser.add_argument("python", help="the interpreter of an environment with OpenCV 4")
    parser.add_argument("cfg", nargs="+", help="network files, or names of shipped ones")
    parser.add_argument("--weights", help="of the one cfg; default: random ones")
    arguments = parser.parse_args()
    if arguments.weights and len(arguments.cfg) > 1:
        parser.error("--weights belongs to one cfg; name one")
    print("| network | OpenCV | candidates | classes | box | objectness | probability | equal | at epsilon 1e-5 |")
    print("|---|---|---:|---:|---:|---:|---:|---|---:|")
    all_equal = True
    for cfg in arguments.cfg:
        with tempfile.TemporaryDirectory() as folder:
            c = compare(arguments.python, cfg, arguments.weights, Path(folder))
        all_equal &= c.equal
        print(
            f"| {c.name} | {c.opencv} | {c.num_rows} | {c.num_classes} | {c.box:.1e} | {c.objectness:.1e} | "
            f"{c.score:.1e} | {'yes' if c.equal else 'NO'} | {c.epsilon:.1e} |"
        )
    return 0 if all_equal else 1


if __name__ == "__main__":
    sys.exit(main())
