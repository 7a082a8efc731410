"""`python -m yolo.convert`: convert weights to another file format."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from yolo.checkpoints.convert_weights import load_for_conversion, state_before, to_half
from yolo.checkpoints.loading import choose_class_names
from yolo.checkpoints.published import find_weights_and_cfg
from yolo.checkpoints.state_dict import ModelState, is_state_file, write_state
from yolo.config.program import run_program
from yolo.errors import require
from yolo.remote.fetch import local_path
from yolo.storage import require_absent

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class ConvertSettings:
    """Convert weights between Darknet's .weights, a checkpoint (.pt) and .safetensors, as the suffixes say."""

    weights: str
    """File to convert: .weights, .pt (of a run or an older trainer), .safetensors; or the name of published weights."""
    out: str
    """File to write: .weights, .pt or .safetensors; with --cutoff any other name is a Darknet file."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a run's .pt, a .safetensors and published weights have their own."""
    names: str | None = None
    """File with one class name per line, for a .pt or .safetensors; default: the names in --weights."""
    cutoff: int | None = None
    """Keep only the layers before this one: 74 of yolov3 makes a darknet53.conv.74."""
    ema: bool = True
    """Take the averaged weights of a last.pt; --no-ema: the last trained ones."""
    half: bool = False
    """Write half precision (.pt, .safetensors): half the size; the programs here compute in their own precision."""
    write_cfg: bool = False
    """Write the network file beside the weights, as NAME.cfg."""
    offline: bool = False
    """Do not use the network: weights must be downloaded already; YOLO_OFFLINE=1 does the same."""
    force: bool = False
    """Overwrite existing files."""

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
    model, names = load_for_conversion(settings.cfg, settings.weights, cutoff=settings.cutoff, averaged=settings.ema)
    if settings.names:
        names = choose_class_names(settings.names, names, model.num_classes)
    before = local_path(settings.weights).stat().st_size  # --force may overwrite it
    kept = state_before(model, settings.cutoff)
    if settings.half:
        kept = {name: to_half(tensor) for name, tensor in kept.items()}
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


if __name__ == "__main__":
    raise SystemExit(run_program(main))
