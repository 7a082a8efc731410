"""`python -m yolo.convert`: the same weights in another kind of file."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from torch import Tensor

from yolo.checkpoints.loading import choose_class_names
from yolo.checkpoints.published import find_weights_and_cfg
from yolo.checkpoints.state_dict import ModelState, is_state_file, write_state
from yolo.checkpoints.transfer import read_cfg_and_names, transfer
from yolo.config.program import run_program
from yolo.errors import WeightsError, require
from yolo.model.network import Darknet
from yolo.remote.fetch import local_path
from yolo.storage import require_absent

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class ConvertSettings:
    """Convert weights between Darknet's .weights, a checkpoint (.pt) and .safetensors, as the suffixes say."""

    weights: str
    """What to convert: .weights, .pt (a run's, or an older trainer's), .safetensors, or a name that is fetched."""
    out: str
    """What to write: .weights, .pt or .safetensors; with --cutoff any other name is a Darknet file."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a .pt of a run, a .safetensors and a fetched file bring their own."""
    names: str | None = None
    """Class names to put into a .pt or .safetensors, one a line; default: those that --weights brings."""
    cutoff: int | None = None
    """Keep only the layers before this one: 74 of yolov3 makes a darknet53.conv.74."""
    ema: bool = True
    """Take the averaged weights of a last.pt; --no-ema: those that were trained last."""
    half: bool = False
    """Write half precision (.pt, .safetensors): half the size; any program here computes in its own precision."""
    write_cfg: bool = False
    """Write the network file beside the weights, as NAME.cfg."""
    offline: bool = False
    """Never touch the network: weights must be here already; YOLO_OFFLINE=1 says so too."""
    force: bool = False
    """Overwrite what is there."""

    def __post_init__(self) -> None:
        known = is_state_file(Path(self.out)) or self.out.endswith(".weights") or self.cutoff is not None
        require("--out", self.out, known, "a name that ends in .weights, .pt or .safetensors")
        require(
            "--half", "with --out " + self.out, not self.half or is_state_file(Path(self.out)), "a .pt or .safetensors"
        )
        require("--cutoff", self.cutoff, self.cutoff is None or self.cutoff >= 1, "1 or more")


def main(arguments: Sequence[str]) -> None:
    """Read the command line and convert."""
    settings = tyro.cli(ConvertSettings, args=arguments)
    out = Path(settings.out).expanduser()
    written = [out, out.with_suffix(".cfg")] if settings.write_cfg else [out]
    if not settings.force:
        for path in written:
            require_absent("--out", path, has_force=True)
    path, cfg = find_weights_and_cfg(settings.weights, settings.cfg, offline=settings.offline)
    settings = replace(settings, weights=str(path), cfg=cfg)
    model, names = read_model(settings)
    before = local_path(settings.weights).stat().st_size  # --force may overwrite it
    kept = kept_state(model, settings.cutoff)
    if settings.half:
        kept = {name: halved(tensor) for name, tensor in kept.items()}
    if is_state_file(out):
        write_state(out, ModelState(tensors=kept, images_seen=model.images_seen, cfg=model.cfg.text, names=names))
    else:
        model.save_weights(out, settings.cutoff)
    if settings.write_cfg:
        model.cfg.write(written[1])
    sizes = [tensor.numel() for tensor in kept.values() if tensor.is_floating_point()]
    size = f"{out.stat().st_size:,} bytes ({Path(settings.weights).name}: {before:,})"
    counts = f"{len(sizes)} tensors, {sum(sizes):,} values, {size}, seen {model.images_seen:,}"
    sys.stdout.write(f"{', '.join(map(str, written))}: {counts}\n")


def read_model(settings: ConvertSettings) -> tuple[Darknet, tuple[str, ...]]:
    """The network with all the weights that will be written, and its class names.

    Raises:
        YoloError: files that cannot be read, or do not hold a layer that is to be written.
    """
    network, names = read_cfg_and_names(settings.cfg, settings.weights)
    model = Darknet.from_cfg(network)
    if settings.names:
        names = choose_class_names(settings.names, names, model.num_classes)
    done = transfer(model, local_path(settings.weights), model.graph, averaged=settings.ema)
    kept = kept_state(model, settings.cutoff)
    if unfilled := [what for what in (*done.mismatched, *done.missing) if what.split(":")[0] in kept]:
        raise WeightsError(
            f"{done.path}: {len(unfilled)} tensors of {network.path} are not in it, the first: {unfilled[0]}; give the "
            "cfg that the weights were trained with, or the --cutoff of a partial file"
        )
    return model, names


def kept_state(model: Darknet, cutoff: int | None) -> dict[str, Tensor]:
    """The tensors of the layers before the cutoff, of all layers without one."""
    num_layers = len(model.layers) if cutoff is None else cutoff
    require("--cutoff", cutoff, num_layers <= len(model.layers), f"1..{len(model.layers)}, a number of layers")
    return {name: tensor for name, tensor in model.state_dict().items() if int(name.split(".")[1]) < num_layers}


def halved(tensor: Tensor) -> Tensor:
    """A tensor in half precision, unless it holds counts or goes beyond its range, as variances may be."""
    half = tensor.half()
    return half if tensor.is_floating_point() and bool(half.isfinite().all()) else tensor


if __name__ == "__main__":
    raise SystemExit(run_program(main))
