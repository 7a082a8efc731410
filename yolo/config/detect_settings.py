"""Settings of the detect program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import tyro

from yolo.config.predict_settings import PredictSettings
from yolo.errors import require


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Detect objects in images, videos and streams; write drawn copies and detections.json to the run's folder."""

    source: tyro.conf.Positional[tuple[str, ...]]
    """Images, videos, folders, patterns, .txt lists, camera numbers, stream addresses; -: standard input."""
    weights: str
    """.weights, .safetensors, a .pt of a run, or a name from `python -m yolo.weights list`, which is downloaded."""
    cfg: str | None = None
    """Network file, or name of a shipped one; not needed for a .pt, a .safetensors or downloaded weights."""
    names: str | None = None
    """File of class names, one per line; default: those in the weights file, or COCO's for 80 classes."""
    predict: PredictSettings = field(default_factory=PredictSettings)
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    offline: bool = False
    """Never use the network: weights must exist on this machine; also set by YOLO_OFFLINE=1."""
    half: bool = False
    """Compute in 16 bits, on a GPU."""
    fuse: bool = True
    """Fold batch normalisation into convolutions: faster; detections are equal up to rounding."""
    save: bool = True
    """Write drawn images and videos."""
    save_json: bool = True
    """Write detections.json."""
    save_txt: bool = False
    """Write labels/NAME.txt per image: a line `class cx cy w h` per object, as fractions of the image."""
    save_conf: bool = False
    """Add the score to each line of --save-txt."""
    save_labels: Literal["darknet", "yolo", "coco", "voc"] | None = None
    """Write images and detections as a data set in this format, to be corrected in a labelling tool: dataset/."""
    rank_uncertain: bool = False
    """Print the images whose detections are least certain, to label these next; uncertain.csv lists all."""
    save_crop: bool = False
    """Write the pixels of each object to crops/CLASS/."""
    view: bool = False
    """Show each image in a window; q quits."""
    name: str = "detect"
    """Name of the run's folder in --project."""
    project: str = "runs"
    """Folder of all runs, or its URL."""

    def __post_init__(self) -> None:
        require("source", " ".join(self.source), len(self.source) > 0, "at least one image, video, folder or stream")
        require("--save-conf", self.save_conf, self.save_txt or not self.save_conf, "it with --save-txt")
