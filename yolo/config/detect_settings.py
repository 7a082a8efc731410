"""What can be asked of the detect program."""

from __future__ import annotations

from dataclasses import dataclass, field

import tyro

from yolo.config.predict_settings import PredictSettings
from yolo.errors import require


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Find objects in images, videos and streams: annotated copies and detections.json in the run's folder."""

    source: tyro.conf.Positional[tuple[str, ...]]
    """Images, videos, folders, patterns, .txt lists, numbers of cameras, addresses of streams; -: standard input."""
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
    """Write drawn images and videos."""
    save_json: bool = True
    """Write detections.json."""
    save_txt: bool = False
    """Write labels/NAME.txt an image: a line `class cx cy w h` an object, in fractions."""
    save_conf: bool = False
    """Add the score to each line of --save-txt."""
    save_crop: bool = False
    """Write the pixels of each object to crops/CLASS/."""
    view: bool = False
    """Show images in a window as they are done; q quits."""
    name: str = "detect"
    """The run's folder below --project."""
    project: str = "runs"
    """Folder of all runs, or its URL."""

    def __post_init__(self) -> None:
        require("source", " ".join(self.source), len(self.source) > 0, "at least one image, video, folder or stream")
        require("--save-conf", self.save_conf, self.save_txt or not self.save_conf, "it with --save-txt")
