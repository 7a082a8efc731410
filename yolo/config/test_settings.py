"""Settings of `python -m yolo.test`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from yolo.config.distributed_settings import LaunchSettings
from yolo.config.tile_settings import TileSettings
from yolo.errors import SettingsError, require, require_img_size, require_ranges

EVALUATION_CONF_THRES = 0.001  # low, so that the precision-recall curve has its tail
EVALUATION_IOU_THRES = 0.6
EVALUATION_BATCH_SIZE = 16  # independent of the batch size of training, which needs more memory per image
DARKNET_CONF_THRES = 0.005
DARKNET_IOU_THRES = 0.45


@dataclass(frozen=True, kw_only=True)
class TestSettings(TileSettings):
    """Evaluate a trained network on a labelled data set: metrics, kinds of errors, report."""

    weights: str
    """.weights, .safetensors, a run's .pt, or a name from `python -m yolo.weights list`, which is downloaded."""
    cfg: str | None = None
    """Network file or name of a shipped one; not needed for .pt, .safetensors and downloaded weights."""
    data: str = ""
    """Data set, as for training; default: that of the run that wrote the weights."""
    stream: bool = False
    """Read each image of a data set in object storage when it is needed, instead of downloading all first."""
    task: Literal["val", "test", "study"] = "val"
    """Evaluate the split val, the split test, or val at several input sizes (study)."""
    split: str | None = None
    """Split to evaluate; default: that of --task."""
    metric: Literal["coco", "voc07", "voc", "darknet"] = "coco"
    """COCO's twelve metrics, VOC's AP of 2007 or 2010, or Darknet's `detector map`."""
    batch_size: int = EVALUATION_BATCH_SIZE
    """Images per batch; Darknet's metric uses 1."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the run's, else the cfg's width (Darknet's metric: and height)."""
    study_sizes: tuple[int, ...] = ()
    """With --task study: input sizes, pixels; default: 1/2, 3/4, 1, 5/4 and 3/2 of --img-size."""
    fit: Literal["letterbox", "stretch"] | None = None
    """Pad images to the shape of the input, or stretch them; default: letterbox, with Darknet's metric stretch."""
    rect: bool = False
    """Rectangular inputs with as little padding as the stride allows; default: as in the run."""
    single_cls: bool = False
    """Treat all classes as one; default: as in the run."""
    augment: bool = False
    """Test-time augmentation: four views of each image (scaled, mirrored), merged by NMS."""
    conf_thres: float | None = None
    """Least score of a detection that is ranked; default: .001, with Darknet's metric .005."""
    iou_thres: float | None = None
    """IoU threshold of NMS; default: .6, with Darknet's metric .45."""
    conf: float = 0.25
    """Least score of detections in error counts, confusion matrix, images and label files."""
    match_iou: float = 0.5
    """IoU threshold of a true positive, with VOC's and Darknet's metric (`-iou_thresh`)."""
    points: Literal[0, 11, 101] = 0
    """Number of recalls that Darknet's metric averages over (`-points`); 0: the area under the curve."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    workers: int = 2
    """Processes that read images; 0: the main process reads them."""
    offline: bool = False
    """Do not download weights; same as YOLO_OFFLINE=1."""
    json: str | None = None
    """Write all metrics to this file."""
    save_json: bool = False
    """Write all detections in COCO's result format: detections.json in the folder."""
    save_txt: bool = False
    """Write detections of at least --conf as YOLO label files: labels/ in the folder."""
    save_hybrid: bool = False
    """Write the existing labels plus detections of at least --conf of unlabelled objects: hybrid/ in the folder."""
    nosave: bool = False
    """Write no report; the folder is created only if another flag writes a file into it."""
    name: str = "test"
    """Name of the folder in --project."""
    project: str = "runs"
    """Folder of all runs, or its URL."""
    distributed: LaunchSettings = field(default_factory=LaunchSettings)

    def __post_init__(self) -> None:
        self._check_ranges()
        self._check_combinations()

    def _check_ranges(self) -> None:
        require_ranges(self, batch_size=(1, 65_536), workers=(0, 1024))
        require_img_size(self.img_size)
        require_img_size(*self.study_sizes, flag="--study-sizes")
        require("--conf-thres", self.conf_thres, 0 <= (self.conf_thres or 0) < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, self.iou_thres is None or 0 < self.iou_thres <= 1, "above 0, up to 1")
        require("--conf", self.conf, 0 <= self.conf < 1, "a number from 0 to below 1")
        require("--match-iou", self.match_iou, 0 < self.match_iou < 1, "a number between 0 and 1")

    def _check_combinations(self) -> None:
        self.check_tiles(rect=self.rect)
        if self.tile and (self.metric == "darknet" or self.augment or self.fit == "stretch"):
            other = "--augment" if self.augment else "--fit stretch" if self.fit == "stretch" else "--metric darknet"
            raise SettingsError(f"--tile does not work with {other}: leave one of the two out, or use --no-tile")
        if self.rect and self.fit == "stretch":
            raise SettingsError("--rect does not work with --fit stretch: use --fit letterbox or --no-rect")
        if self.metric == "coco" and self.match_iou != 0.5:
            raise SettingsError(
                f"--match-iou {self.match_iou} does not work with --metric coco, which has ten IoU thresholds of its "
                "own: use --metric voc, voc07 or darknet"
            )
        if self.metric != "darknet" and self.points:
            raise SettingsError(f"--points {self.points} works only with --metric darknet")
        if self.metric == "darknet" and self.augment:
            raise SettingsError("--augment does not work with --metric darknet: use another metric or --no-augment")
        if self.metric == "darknet" and self.rect:
            raise SettingsError("--rect does not work with --metric darknet: use another metric or --no-rect")
        if self.task != "study" and self.study_sizes:
            raise SettingsError(f"--study-sizes {' '.join(map(str, self.study_sizes))} works only with --task study")
        if self.task == "study" and self.metric != "coco":
            raise SettingsError(f"--task study does not work with --metric {self.metric}: use --metric coco")
        if self.task == "study" and (self.save_json or self.save_txt or self.save_hybrid):
            raise SettingsError(
                "--task study does not work with --save-json, --save-txt or --save-hybrid: use --task val or test"
            )

    @property
    def has_folder(self) -> bool:
        """True if any file is written into the folder."""
        return not self.nosave or self.save_json or self.save_txt or self.save_hybrid

    def resolved(self, net_width: int, net_height: int) -> TestSettings:
        """Return the settings with the defaults that depend on the task, the metric and the network."""
        darknet = self.metric == "darknet"
        conf_thres = DARKNET_CONF_THRES if darknet else EVALUATION_CONF_THRES
        iou_thres = DARKNET_IOU_THRES if darknet else EVALUATION_IOU_THRES
        return replace(
            self,
            img_size=self.img_size or (net_width if not darknet or net_width == net_height else None),
            split=self.split or ("test" if self.task == "test" else "val"),
            fit=self.fit or ("stretch" if darknet else "letterbox"),
            conf_thres=conf_thres if self.conf_thres is None else self.conf_thres,
            iou_thres=iou_thres if self.iou_thres is None else self.iou_thres,
        )
