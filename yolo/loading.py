"""What the programs share: the device, a run's folder, a trained network, and how it is scored."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from yolo import distributed
from yolo.darknet.data import read_names
from yolo.data.dataset import DetectionDataset
from yolo.data.loader import DetectionLoader, build_loader
from yolo.data.rect import rectangular_sizes
from yolo.describe import largest_stride
from yolo.engine.checkpoint import load_checkpoint
from yolo.errors import SettingsError
from yolo.inference import Detector, fast_layout
from yolo.model import Darknet
from yolo.pretrained import find_with_network
from yolo.remote import is_url, join, local_path
from yolo.remote.opening import open_store
from yolo.remote.runs import local_project
from yolo.state_file import CHECKPOINT_SUFFIXES
from yolo.storage import atomic_folder, find_file
from yolo.transfer import load_whole, network_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from yolo.darknet.cfg import CfgFile
    from yolo.data.index import Index

logger = logging.getLogger(__name__)

NUM_COCO_CLASSES = 80
EVALUATION_SCORE = 0.001  # low, so that the precision-recall curve has its tail
EVALUATION_IOU = 0.6
EVALUATION_BATCH = 16  # whatever training has: a network that trains on one picture tests that many in the same memory


def select_device(name: str) -> torch.device:
    """The device that a flag names.

    Raises:
        SettingsError: no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{distributed.local_rank()}"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"--device {name}: not usable here; use auto, cpu, cuda or cuda:N") from error
    return device


def new_run_folder(project: str, name: str, fill: Callable[[Path], None] = lambda folder: None) -> Path:
    """Make runs/NAME, or the first of NAME-2, NAME-3, ... that is free or empty; it appears with its first files in it.

    Args:
        project: the folder of all runs; of a URL, `yolo.remote.runs.local_project` of it, where both are free.
        name: of the run.
        fill: writes the first files into a folder.
    """
    for count in itertools.count(1):
        own_name = name if count == 1 else f"{name}-{count}"
        target = local_project(project) / own_name
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            continue
        if is_url(project) and open_store(project).files(join(project, own_name)):
            continue
        try:
            with atomic_folder(target) as folder:
                fill(folder)
        except OSError as error:
            if not (target.is_dir() and any(target.iterdir())):  # else another run took the name just now
                raise SettingsError(f"--project {project}: cannot make {target}: {error.strerror}") from error
        else:
            return target
    raise AssertionError


def load_model(
    cfg: str | None, weights: str, device: torch.device, *, offline: bool = False
) -> tuple[Darknet, tuple[str, ...]]:
    """A trained network for testing and detecting, in eval mode.

    Args:
        cfg: network file or name; checkpoints and published weights bring their own, so that it may be left out.
        weights: `.weights`, `.pt` or `.safetensors`, whole; or the name of published weights.
        device: where the model goes.
        offline: fetch nothing.

    Returns:
        The model, and class names: the checkpoint's, or none.

    Raises:
        YoloError: files that are missing, cut short or do not belong together.
    """
    path, cfg = find_with_network(weights, cfg, offline=offline)
    network, names = network_of(cfg, str(path))
    model = Darknet(network)
    load_whole(model, path)
    model.to(device, memory_format=fast_layout(device))  # type: ignore[call-overload]
    return model.eval(), names


def validated_as(weights: str) -> dict[str, Any]:
    """How a run scored what it wrote: img_size, rect and single_cls, by name; nothing for files of other kinds.

    Raises:
        WeightsError: the file is a checkpoint that cannot be read.
    """
    path = local_path(weights)
    if path.suffix not in CHECKPOINT_SUFFIXES or not path.is_file():
        return {}
    settings = load_checkpoint(path).get("settings")
    if not isinstance(settings, dict) or "img_size" not in settings:  # a file of another program
        return {}
    sides = settings["img_size"] or (None,)
    return {"img_size": sides[-1], "rect": settings["rect"], "single_cls": settings["single_cls"]}


def class_names(path: str | None, own: tuple[str, ...], num_classes: int) -> tuple[str, ...]:
    """Names for a model's classes: those of a file, else its checkpoint's, else COCO's where there are 80.

    Raises:
        YoloError: the file cannot be read, or holds another number of names.
    """
    if path is None and own:
        return own
    if path is None and num_classes != NUM_COCO_CLASSES:
        return tuple(f"class {i}" for i in range(num_classes))
    if path is None:
        logger.info("80 classes and no --names: COCO's names are used")
    found = find_file(local_path(path or "coco"), "data", ".names")
    if found is None:
        raise SettingsError(f"--names {path}: no such file; give a file with one class name a line")
    names = read_names(found)
    if len(names) != num_classes:
        raise SettingsError(f"--names {path}: {len(names)} names, but the network has {num_classes} classes")
    return names


def rect_sizes(index: Index, cfg: CfgFile, size: int) -> npt.NDArray[np.int32]:
    """(M, 2), width and height of the smallest input of each picture of a split."""
    return rectangular_sizes(index.sizes, size, largest_stride(cfg))


def evaluation_loader(
    index: Index,
    *,
    size: int,
    batch_size: int = EVALUATION_BATCH,
    workers: int,
    device: torch.device,
    fit: Literal["letterbox", "stretch"] = "letterbox",
    input_sizes: npt.NDArray[np.int32] | None = None,
) -> DetectionLoader:
    """Every picture of a split once, in order, unvaried, each in one process; with `input_sizes` shape after shape."""
    return build_loader(
        DetectionDataset(index=index, size=size, augment=None, seed=0, fit=fit, input_sizes=input_sizes),
        batch_size=batch_size,
        workers=workers,
        order="listed",
        seed=0,
        pin_memory=device.type == "cuda",
        num_replicas=distributed.world_size(),
        rank=distributed.rank(),
    )


def evaluation_detector(model: Darknet) -> Detector:
    """The detector that training and the test program score, so that they give the same number."""
    return Detector(model, score_threshold=EVALUATION_SCORE, iou_threshold=EVALUATION_IOU)
