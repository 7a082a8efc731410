"""What can be asked of the detect program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tyro

from yolo.errors import require
from yolo.inference.outputs import Crops, Drawings, JsonList, Output, TextFiles
from yolo.inference.predictor import PredictSettings

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Find objects in pictures, videos and streams: annotated copies and detections.json in the run's folder."""

    source: tyro.conf.Positional[tuple[str, ...]]
    """Pictures, videos, folders, patterns, .txt lists, numbers of cameras, addresses of streams; -: standard input."""
    weights: str
    """.weights, .safetensors, a .pt of a run, or a name of `python -m yolo.weights list`, which is fetched."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a .pt, a .safetensors and a fetched file bring their own."""
    names: str | None = None
    """Class names, one a line; a .pt or .safetensors brings its own."""
    predict: PredictSettings = field(default_factory=PredictSettings)
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    offline: bool = False
    """Never touch the network: weights must be here already; YOLO_OFFLINE=1 says so too."""
    half: bool = False
    """Compute in 16 bits, on a GPU."""
    fuse: bool = True
    """Fold batch normalisation into convolutions: the same answers but for rounding, faster."""
    save: bool = True
    """Write drawn pictures and videos."""
    save_json: bool = True
    """Write detections.json."""
    save_txt: bool = False
    """Write labels/NAME.txt a picture: a line `class cx cy w h` an object, in fractions."""
    save_conf: bool = False
    """Add the score to each line of --save-txt."""
    save_crop: bool = False
    """Write the pixels of each object to crops/CLASS/."""
    view: bool = False
    """Show pictures in a window as they are done; q quits."""
    name: str = "detect"
    """The run's folder below --project."""
    project: str = "runs"
    """Folder of all runs, or its URL."""

    def __post_init__(self) -> None:
        require("source", " ".join(self.source), len(self.source) > 0, "at least one picture, video, folder or stream")
        require("--save-conf", self.save_conf, self.save_txt or not self.save_conf, "it with --save-txt")

    def outputs(self, folder: Path) -> list[Output]:
        """What is to be written into the run's folder."""
        chosen: list[Output | None] = [
            Drawings(folder) if self.save else None,
            JsonList(folder / "detections.json") if self.save_json else None,
            TextFiles(folder / "labels", self.save_conf) if self.save_txt else None,
            Crops(folder / "crops") if self.save_crop else None,
        ]
        return [output for output in chosen if output]
