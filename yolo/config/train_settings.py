"""Settings of training: one tree of typed, frozen records, each field with its one-line help.

Below `yolo.training.build_training` nobody sees the tree: parts get explicit arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from yolo.config.augment_settings import AugmentSettings
from yolo.config.distributed_settings import DistributedSettings
from yolo.config.loss_settings import LossName, LossSettings
from yolo.config.optimizer_settings import OptimizerSettings, check_optimizer
from yolo.config.schedule_settings import ScheduleSettings, check_schedule
from yolo.config.size_settings import SizeSettings
from yolo.errors import require
from yolo.urls import is_url

CacheKind = Literal["none", "ram", "disk", "auto"]
LoggerName = Literal["none", "wandb", "mlflow"]
ApexName = Literal["apex-O1", "apex-O2"]
OwnPrecisionName = Literal["auto", "fp32", "tf32", "bf16", "fp16"]
PrecisionName = Literal[OwnPrecisionName, ApexName]

DEMO = "shapes"
RUNS = "runs"  # folder of all runs, below the working directory


@dataclass(frozen=True, kw_only=True)
class SavingSettings:
    """What is scored and kept, and when a run that no longer gains ends."""

    notest: bool = False
    """Score the validation split after the last epoch alone; no early stop."""
    patience: int = 100
    """Stop after this many epochs without a better one; 0: never."""
    nosave: bool = False
    """Write last.pt and best.pt once, when the run ends; a killed run leaves neither."""
    save_period: int = 0
    """Also keep a checkpoint of every so many epochs; 0: none."""
    checkpoint_minutes: float = 10.0
    """Save last.pt within an epoch too, when the last saving is this many minutes ago."""
    bucket: str = ""
    """Also copy the run's folder into this folder, or URL, in the background; empty: do not."""

    def __post_init__(self) -> None:
        require("--patience", self.patience, self.patience >= 0, "0 or more")
        require("--save-period", self.save_period, self.save_period >= 0, "0 or more")
        require(
            "--save-period",
            f"{self.save_period} with --nosave",
            not (self.save_period and self.nosave),
            "one of the two",
        )
        require("--checkpoint-minutes", self.checkpoint_minutes, self.checkpoint_minutes >= 0, "0 or more")


@dataclass(frozen=True, kw_only=True)
class EvolveSettings:
    """Search for better hyper-parameters: each generation is a whole run."""

    evolve: int = 0
    """Generations by this process; more processes with the same --name share the search; 0: no search."""
    sampler: Literal["mutation", "optuna"] = "mutation"
    """mutation of the best runs, or optuna (TPE; poor runs are cut short; needs the package optuna)."""

    def __post_init__(self) -> None:
        require("--evolve", self.evolve, self.evolve >= 0, "0 or more")


@dataclass(frozen=True, kw_only=True)
class FreezeSettings:
    """Layers that do not train, for the whole run or for its first epochs."""

    freeze: str = ""
    """Layers to freeze: N for layers 0..N-1, a-b for a to b, or backbone; empty: none."""
    freeze_layers: bool = False
    """Freeze all layers but those that feed the heads."""
    freeze_epochs: int | None = None
    """Thaw after this many epochs; default: frozen for the whole run."""
    freeze_batch_size: int | None = None
    """Images a batch until the thaw; default: batch_size."""
    freeze_lr0: float | None = None
    """Learning rate until the thaw; default: lr0."""

    def __post_init__(self) -> None:
        require("--freeze", self.freeze, not (self.freeze and self.freeze_layers), "it or --freeze-layers, not both")
        epochs, size, lr = self.freeze_epochs, self.freeze_batch_size, self.freeze_lr0
        frozen = bool(self.freeze) or self.freeze_layers
        require("--freeze-epochs", epochs, epochs is None or frozen, "it with --freeze or --freeze-layers")
        require("--freeze-epochs", epochs, epochs is None or epochs >= 1, "1 or more")
        require("--freeze-batch-size", size, size is None or size >= 1, "1 or more")
        require("--freeze-batch-size", size, size is None or epochs is not None, "it with --freeze-epochs")
        require("--freeze-lr0", lr, lr is None or lr > 0, "a number above 0")
        require("--freeze-lr0", lr, lr is None or epochs is not None, "it with --freeze-epochs")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Train a Darknet network on labelled images.

    Without --data, it trains a small network on images that it draws itself.
    """

    cfg: str = "yolov4-tiny"
    """Network: a .cfg file, or the name of a shipped one; with --weights NAME by default that of these weights."""
    data: str = DEMO
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of images, their URL, or 'shapes'."""
    stream: bool = False
    """Leave the images of a data set in object storage there, and read each one when it is needed."""
    weights: str = ""
    """Start from these: .weights (whole or partial), .pt, .safetensors, or a name of `python -m yolo.weights list`."""
    offline: bool = False
    """Never touch the network: weights must be here already; YOLO_OFFLINE=1 says so too."""
    hyp: str = ""
    """Recipe: YAML with any of these settings by name, or a shipped one's name; or a .txt of 18 numbers by place."""
    epochs: int = 100
    """Passes over the training split."""
    batch_size: int | Literal["auto"] = 16
    """Images a batch; auto: as many as memory takes."""
    rect: bool = False
    """As little grey around each image as the network allows, in training and validation; without mosaics."""
    single_cls: bool = False
    """All objects are of one class."""
    image_weights: bool = False
    """Draw images of rare and badly found classes more often."""
    close_mosaic: int = 0
    """Epochs at the end without mosaics."""
    name: str = "train"
    """The run's folder below --project."""
    project: str = RUNS
    """Folder of all runs, or its URL (s3://, gs://, obs://): then what a run writes here is uploaded meanwhile."""
    resume: str = ""
    """Go on with a run: its folder, its last.pt or its URL; without a value: the newest run below --project."""
    logger: LoggerName = "none"
    """Log to wandb or mlflow too; TensorBoard events and results.csv are always written."""
    preview_period: int = 10
    """Epochs between two logs of images: detections on validation images, precision-recall curves; 0: none."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    precision: PrecisionName = "auto"
    """Arithmetic of the forward pass; auto: bf16 or fp16 where the device is fast in it, else fp32."""
    compile: bool = False
    """Compile the network for training (torch.compile): a minute or more at the start; meant for GPUs."""
    deterministic: bool = False
    """Use only operations that give the same bits in every run on the same device; slower on GPUs."""
    workers: int = 2
    """Processes that read and augment images; 0: none beside the trainer."""
    cache: CacheKind = "auto"
    """Keep decoded training images; auto: ram if they take less than a quarter of it; --cache-images: ram."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    loss: LossName = "shape-match"
    """For [yolo] heads shape-match (anchors, GIoU) or cost-match (predictions by cost, CIoU); for all heads darknet."""
    grad_checkpoint: bool = False
    """Keep less for the backward pass and compute more twice: less memory, somewhat slower, same numbers."""
    sizes: SizeSettings = field(default_factory=SizeSettings)
    saving: SavingSettings = field(default_factory=SavingSettings)
    search: EvolveSettings = field(default_factory=EvolveSettings)
    freezing: FreezeSettings = field(default_factory=FreezeSettings)
    optimization: OptimizerSettings = field(default_factory=OptimizerSettings)
    policy: ScheduleSettings = field(default_factory=ScheduleSettings)
    shape_match: LossSettings = field(default_factory=LossSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    distributed: DistributedSettings = field(default_factory=DistributedSettings)

    @property
    def images_per_batch(self) -> int:
        """The batch size, once it is a number."""
        assert self.batch_size != "auto"
        return self.batch_size

    def __post_init__(self) -> None:
        require("--epochs", self.epochs, self.epochs >= 1, "1 or more")
        require(
            "--batch-size", self.batch_size, self.batch_size == "auto" or self.batch_size >= 1, "1 or more, or auto"
        )
        apex = self.precision.startswith("apex")
        require(
            "--precision", self.precision, not apex or self.batch_size != "auto", "it with a number for --batch-size"
        )
        require("--preview-period", self.preview_period, self.preview_period >= 0, "0 or more")
        thaw = self.freezing.freeze_epochs
        require("--freeze-epochs", thaw, thaw is None or thaw < self.epochs, f"less than the {self.epochs} --epochs")
        apart = thaw is None or self.policy.schedule != "cfg"
        require("--freeze-epochs", thaw, apart, "another --schedule than cfg: Darknet's has no second phase")
        require("--image-weights", "with --rect", not (self.image_weights and self.rect), "one of the two")
        require("--close-mosaic", self.close_mosaic, 0 <= self.close_mosaic <= self.epochs, "0 to --epochs")
        require("--workers", self.workers, self.workers >= 0, "0 or more")
        require("--stream", f"with --data {self.data}", not self.stream or is_url(self.data), "it with a URL")
        apart = not (self.search.evolve and is_url(self.project))
        require("--project", self.project, apart, "a folder with --evolve, and --bucket for a copy")
        require(
            "--resume",
            "with --evolve",
            not (self.resume and self.search.evolve),
            "--evolve alone: a search goes on by itself",
        )
        many = self.distributed.processes > 1
        require("--evolve", "with --nproc or --devices", not (many and self.search.evolve), "one --evolve a device")
        require("--seed", self.seed, 0 <= self.seed < 2**32, "0 to 4294967295")
        check_optimizer(self.optimization)
        check_schedule(self.policy, self.epochs)
        for flag in ("cls_pw", "obj_pw"):
            weight = getattr(self.shape_match, flag)
            require(f"--{flag.replace('_', '-')}", weight, weight > 0, "a number above 0")
        require("--fl-gamma", self.shape_match.fl_gamma, self.shape_match.fl_gamma >= 0, "0 or more")
