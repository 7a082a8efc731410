"""All settings of training: one tree of typed, frozen records; each field carries its help text.

Field names are flags and recipe keys, unique over the whole tree. `yolo.training` gives each part its own record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from yolo.config.augment_settings import AugmentSettings
from yolo.config.distributed_settings import DistributedSettings
from yolo.config.loss_settings import LossSettings
from yolo.config.optimizer_settings import OptimizerSettings
from yolo.config.run_settings import RunSettings, SavingSettings
from yolo.config.schedule_settings import ScheduleSettings
from yolo.config.size_settings import SizeSettings
from yolo.config.tile_settings import TileSettings
from yolo.errors import SettingsError, require, require_ranges
from yolo.urls import is_url

CacheKind = Literal["none", "ram", "disk", "auto"]
ApexName = Literal["apex-O1", "apex-O2"]
OwnPrecisionName = Literal["auto", "fp32", "tf32", "bf16", "fp16"]
PrecisionName = Literal[OwnPrecisionName, ApexName]

DEMO = "shapes"
MAX_BATCH_SIZE = 65_536
MAX_WORKERS = 1024


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The network and its initial weights."""

    cfg: str = ""
    """Network: a .cfg file or the name of a shipped one; default: that of --weights, if any, else yolov4-tiny."""
    weights: str = ""
    """Initial weights: .weights (whole or partial), .pt, .safetensors, or a name of `python -m yolo.weights list`."""
    offline: bool = False
    """Never access the network: weights must be local already; YOLO_OFFLINE=1 does the same."""
    grad_checkpoint: bool = False
    """Gradient checkpointing: keep fewer activations and compute them twice; less memory, slower, same numbers."""
    compile: bool = False
    """Compile the network for training (torch.compile); takes a minute or more at the start; meant for GPUs."""


@dataclass(frozen=True, kw_only=True)
class DataSettings(TileSettings):
    """The data set, and how it is loaded."""

    data: str = DEMO
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of images, their URL, or 'shapes'."""
    stream: bool = False
    """Leave the images of a data set in object storage and read each one when it is needed."""
    rect: bool = False
    """Pad images as little as the network allows, in training and validation; disables mosaics."""
    single_cls: bool = False
    """Treat all objects as one class."""
    image_weights: bool = False
    """Sample images of rare classes, and of classes with low AP, more often."""
    close_mosaic: int = 10
    """Number of last epochs without mosaics; in a shorter run, no epoch has them."""
    workers: int = 2
    """Processes that load and augment images; 0: the trainer does it itself."""
    cache: CacheKind = "auto"
    """Cache decoded training images; auto: in RAM if they take less than a quarter of it; --cache-images: ram."""

    def __post_init__(self) -> None:
        if self.image_weights and self.rect:
            raise SettingsError("--image-weights with --rect: use one of the two")
        if self.stream and not is_url(self.data):
            raise SettingsError(f"--stream with --data {self.data}: use it with a URL")
        self.check_tiles(rect=self.rect)
        require_ranges(self, workers=(0, MAX_WORKERS), close_mosaic=(0, 1e6))


@dataclass(frozen=True, kw_only=True)
class EvolveSettings:
    """Search for better hyper-parameters; each generation is a whole run."""

    evolve: int = 0
    """Generations run by this process; several processes with the same --name share a search; 0: no search."""
    sampler: Literal["mutation", "optuna"] = "mutation"
    """mutation of the best runs, or optuna (TPE; poor runs are stopped early; needs the package optuna)."""

    def __post_init__(self) -> None:
        require_ranges(self, evolve=(0, 1e6))


@dataclass(frozen=True, kw_only=True)
class FreezeSettings:
    """Layers that do not train, for the whole run or for its first epochs."""

    freeze: str = ""
    """Layers to freeze: N for layers 0..N-1, a-b for layers a to b, or backbone; empty: none."""
    freeze_layers: bool = False
    """Freeze all layers except those that feed the heads."""
    freeze_epochs: int | None = None
    """Unfreeze after this many epochs; default: frozen for the whole run."""
    freeze_batch_size: int | None = None
    """Images per batch while layers are frozen; default: batch_size."""
    freeze_lr0: float | None = None
    """Learning rate while layers are frozen; default: lr0."""

    def __post_init__(self) -> None:
        epochs, size, lr = self.freeze_epochs, self.freeze_batch_size, self.freeze_lr0
        if self.freeze and self.freeze_layers:
            raise SettingsError(f"--freeze {self.freeze}: use it or --freeze-layers, not both")
        if epochs is not None and not (self.freeze or self.freeze_layers):
            raise SettingsError(f"--freeze-epochs {epochs}: use it with --freeze or --freeze-layers")
        if size is not None and epochs is None:
            raise SettingsError(f"--freeze-batch-size {size}: use it with --freeze-epochs")
        if lr is not None and epochs is None:
            raise SettingsError(f"--freeze-lr0 {lr}: use it with --freeze-epochs")
        require_ranges(self, freeze_epochs=(1, 1e6), freeze_batch_size=(1, MAX_BATCH_SIZE))
        require("--freeze-lr0", lr, lr is None or lr > 0, "a number above 0")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Train a Darknet network on labelled images.

    Without --data, it trains a small network on images that it draws itself.
    """

    model: ModelSettings = field(default_factory=ModelSettings)
    dataset: DataSettings = field(default_factory=DataSettings)
    hyp: str = ""
    """Recipe: a YAML file of any of these settings by name, or a shipped one's name; or a .txt of 18 numbers."""
    epochs: int = 100
    """Passes over the training split."""
    batch_size: int | Literal["auto"] = 16
    """Images per batch; auto finds the largest that fits in memory."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    precision: PrecisionName = "auto"
    """Number format of the forward pass; auto: bf16 or fp16 where the device is fast in it, else fp32."""
    deterministic: bool = False
    """Use only operations that give the same bits in every run on the same device; slower on GPUs."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    sizes: SizeSettings = field(default_factory=SizeSettings)
    run: RunSettings = field(default_factory=RunSettings)
    saving: SavingSettings = field(default_factory=SavingSettings)
    search: EvolveSettings = field(default_factory=EvolveSettings)
    freezing: FreezeSettings = field(default_factory=FreezeSettings)
    optimization: OptimizerSettings = field(default_factory=OptimizerSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    distributed: DistributedSettings = field(default_factory=DistributedSettings)

    @property
    def images_per_batch(self) -> int:
        """The batch size, once it is a number."""
        assert self.batch_size != "auto"
        return self.batch_size

    def __post_init__(self) -> None:
        size = self.batch_size
        require("--epochs", self.epochs, self.epochs >= 1, "1 or more")
        require("--batch-size", size, size == "auto" or size >= 1, "1 or more, or auto")
        require_ranges(self, epochs=(1, 1e6))
        require("--batch-size", size, size == "auto" or size <= MAX_BATCH_SIZE, f"1 to {MAX_BATCH_SIZE}, or auto")
        require("--seed", self.seed, 0 <= self.seed < 2**32, "0 to 4294967295")
        if self.precision.startswith("apex") and size == "auto":
            raise SettingsError(f"--precision {self.precision}: use it with a number for --batch-size")
        self.schedule.check_length(self.epochs)
        self._check_freezing()
        self._check_search()

    def _check_freezing(self) -> None:
        epochs = self.freezing.freeze_epochs
        if epochs is None:
            return
        require("--freeze-epochs", epochs, epochs < self.epochs, f"less than the {self.epochs} --epochs")
        if self.schedule.schedule == "cfg":
            raise SettingsError(
                f"--freeze-epochs {epochs}: use another --schedule than cfg: Darknet's has no second phase"
            )

    def _check_search(self) -> None:
        if not self.search.evolve:
            return
        if is_url(self.run.project):
            raise SettingsError(f"--project {self.run.project}: use a folder with --evolve, and --bucket for a copy")
        if self.run.resume:
            raise SettingsError("--resume with --evolve: use --evolve alone: a search goes on by itself")
        if self.distributed.processes > 1:
            raise SettingsError("--evolve with --nproc or --devices: use one --evolve per device")
