"""What `python -m yolo.test` takes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from yolo.config.distributed_settings import LaunchSettings
from yolo.errors import require, require_img_size

EVALUATION_CONF_THRES = 0.001  # low, so that the precision-recall curve has its tail
EVALUATION_IOU_THRES = 0.6
EVALUATION_BATCH_SIZE = (
    16  # whatever training has: a network that trains on one image tests that many in the same memory
)
DARKNET_CONF_THRES = 0.005
DARKNET_IOU_THRES = 0.45


@dataclass(frozen=True, kw_only=True)
class TestSettings:
    """Score a trained network on a labelled data set, and say where it is wrong."""

    weights: str
    """.weights, .safetensors, a .pt of a run, or a name of `python -m yolo.weights list`, which is fetched."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a .pt, a .safetensors and a fetched file bring their own."""
    data: str = "shapes"
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of images, their URL, or 'shapes'."""
    stream: bool = False
    """Leave the images of a data set in object storage there, and read each one when it is needed."""
    task: Literal["val", "test", "study"] = "val"
    """Score the split val, score the split test, or score val at several input sizes."""
    split: str | None = None
    """Another split than the task's."""
    metric: Literal["coco", "voc07", "voc", "darknet"] = "coco"
    """COCO's twelve numbers, VOC's AP of 2007 or of 2010, or Darknet's own `detector map`."""
    batch_size: int = 16
    """Images a batch; Darknet's metric goes one by one."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the run's, else the cfg's width (Darknet's metric: and height)."""
    study_sizes: tuple[int, ...] = ()
    """With --task study: the sides; default: 1/2, 3/4, 1, 5/4 and 3/2 of --img-size."""
    fit: Literal["letterbox", "stretch"] | None = None
    """Bars on two sides, or stretched to the input; default: letterbox, for Darknet's metric stretch."""
    rect: bool = False
    """As little grey around each image as the network allows; default: as in the run."""
    single_cls: bool = False
    """All objects are of one class; default: as in the run."""
    augment: bool = False
    """Test-time augmentation: four views of each image (sizes, mirrored), merged by NMS."""
    conf_thres: float | None = None
    """Least score of a detection that is ranked; default .001, Darknet's .005."""
    iou_thres: float | None = None
    """Overlap above which the weaker of two detections of a class is dropped; default .6, Darknet's .45."""
    conf: float = 0.25
    """Least score of a detection that a user is shown: for counts, confusion, images, label files."""
    match_iou: float = 0.5
    """Overlap of a hit, for VOC's and Darknet's metric (`-iou_thresh`)."""
    points: Literal[0, 11, 101] = 0
    """Recalls that Darknet's metric averages over (`-points`); 0: the area under the curve."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    workers: int = 2
    """Processes that read images; 0: none beside the program."""
    offline: bool = False
    """Never touch the network: weights must be here already; YOLO_OFFLINE=1 says so too."""
    json: str | None = None
    """Write every number to this file."""
    save_json: bool = False
    """Write all detections in COCO's result format: detections.json in the folder."""
    save_txt: bool = False
    """Write detections over --conf as YOLO label files: labels/ in the folder."""
    save_hybrid: bool = False
    """Write the labels that are there, and detections over --conf of what has none: hybrid/, to label the rest with."""
    nosave: bool = False
    """No report, and no folder unless another flag asks for a file in it."""
    name: str = "test"
    """The folder below --project."""
    project: str = "runs"
    """Folder of all runs, or its URL."""
    distributed: LaunchSettings = field(default_factory=LaunchSettings)

    def __post_init__(self) -> None:
        darknet = self.metric == "darknet"
        require("--batch-size", self.batch_size, self.batch_size >= 1, "1 or more")
        require_img_size(self.img_size)
        require_img_size(*self.study_sizes, flag="--study-sizes")
        require("--fit", self.fit, not self.rect or self.fit != "stretch", "letterbox with --rect, or --no-rect")
        require("--conf-thres", self.conf_thres, 0 <= (self.conf_thres or 0) < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, self.iou_thres is None or 0 < self.iou_thres <= 1, "above 0, up to 1")
        require("--conf", self.conf, 0 <= self.conf < 1, "a number from 0 to below 1")
        require("--match-iou", self.match_iou, 0 < self.match_iou < 1, "a number between 0 and 1")
        only_ap = self.match_iou == 0.5 or self.metric != "coco"
        require("--match-iou", self.match_iou, only_ap, "--metric voc, voc07 or darknet with it: COCO has its own ten")
        require("--points", self.points, darknet or not self.points, "it with --metric darknet only")
        require("--augment", self.augment, not (darknet and self.augment), "another --metric: Darknet does not augment")
        require("--rect", self.rect, not (darknet and self.rect), "--no-rect: Darknet has no rectangular inputs")
        study = self.task == "study"
        require("--study-sizes", self.study_sizes, study or not self.study_sizes, "it with --task study only")
        require("--metric", self.metric, not study or self.metric == "coco", "coco with --task study")
        files = self.save_json or self.save_txt or self.save_hybrid
        require("--task", self.task, not (study and files), "val or test with --save-json, --save-txt, --save-hybrid")

    @property
    def has_folder(self) -> bool:
        """Whether anything is written into a folder."""
        return not self.nosave or self.save_json or self.save_txt or self.save_hybrid

    def resolved(self, net_width: int, net_height: int) -> TestSettings:
        """The same with what the task, the metric and the network decide."""
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
