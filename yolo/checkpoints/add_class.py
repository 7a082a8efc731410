"""Add classes to a trained network: what it has learnt of the old ones stays."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from yolo.checkpoints.loading import NUM_COCO_CLASSES, choose_class_names
from yolo.checkpoints.published import find_weights_and_cfg
from yolo.checkpoints.state_dict import ModelState, write_state
from yolo.checkpoints.transfer import load_whole, read_cfg_and_names
from yolo.errors import SettingsError, require
from yolo.model.graph import with_classes
from yolo.model.head_classes import with_head_classes
from yolo.model.network import Darknet
from yolo.storage import atomic_folder, require_absent

logger = logging.getLogger(__name__)

NAME = "extended"  # of the written files


@dataclass(frozen=True, kw_only=True)
class AddClassSettings:
    """Add classes to a trained network; it detects the old ones exactly as before."""

    classes: tyro.conf.Positional[tuple[str, ...]]
    """Names of the new classes."""
    weights: str
    """Weights of the network: .weights, .pt (of a run or an older trainer), .safetensors, or published weights."""
    out: Path
    """Folder to write: extended.pt with extended.cfg and extended.names; it must not exist."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a run's .pt, a .safetensors and published weights have their own."""
    names: str | None = None
    """File with the names of the old classes, one per line; default: the names in --weights."""
    offline: bool = False
    """Do not use the network: weights must be downloaded already; YOLO_OFFLINE=1 does the same."""

    def __post_init__(self) -> None:
        require("add-class", " ".join(self.classes), len(self.classes) > 0, "one or more names of new classes")
        for name in self.classes:
            require("add-class", repr(name), name == name.strip() != "", "names of one line, without blanks around")


def add_classes(settings: AddClassSettings) -> None:
    """Write the network with more classes: its weights, its cfg and its class names.

    Raises:
        YoloError: a file is missing or wrong, a class exists already, or the network cannot have more classes.
    """
    out = settings.out.expanduser()
    require_absent("--out", out)
    path, cfg = find_weights_and_cfg(settings.weights, settings.cfg, offline=settings.offline)
    network, own_names = read_cfg_and_names(cfg, str(path))
    model = Darknet.from_cfg(network)
    load_whole(model, path)
    names = _extended_names(settings, own_names, model.num_classes)
    extended = with_classes(model.graph, len(names))
    sources = [*range(model.num_classes), *[None] * len(settings.classes)]
    tensors = with_head_classes(model.state_dict(), model.graph, extended, sources)
    state = ModelState(tensors=tensors, images_seen=model.images_seen, cfg=extended.cfg.text, names=names)
    with atomic_folder(out) as folder:
        write_state(folder / f"{NAME}.pt", state)
        extended.cfg.write(folder / f"{NAME}.cfg")
        (folder / f"{NAME}.names").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    logger.info("%s: %d classes: %s", out / f"{NAME}.pt", len(names), ", ".join(names))


def _extended_names(settings: AddClassSettings, own_names: tuple[str, ...], num_classes: int) -> tuple[str, ...]:
    """Return the names of the old classes and of the new ones."""
    if not (settings.names or own_names or num_classes == NUM_COCO_CLASSES):
        raise SettingsError(f"--weights {settings.weights}: has no class names; give them with --names")
    names = (*choose_class_names(settings.names, own_names, num_classes), *settings.classes)
    for name in settings.classes:
        require("add-class", name, names.count(name) == 1, f"a name that is not in use: {', '.join(names)}")
    return names
