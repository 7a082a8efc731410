"""Writes a file, has it run, and keeps it if it does what the network does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.exporting.equivalence import ExportError, compare
from yolo.exporting.export_formats import FORMATS, ONNX_HALF, ONNX_INT8, Format, FormatName
from yolo.exporting.graph import require_open_axes
from yolo.exporting.onnx_graph import require_onnx
from yolo.exporting.runtimes import CannotRunError
from yolo.log import progress
from yolo.storage import atomic_path, require_absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolo.exporting.job import Job
    from yolo.exporting.runtimes import Images, Runner


def files_of(stem: Path, formats: Sequence[FormatName], *, half: bool, int8: bool, force: bool) -> dict[Path, Format]:
    """The files to write, in order; what can be known to fail does so here, before any work.

    Args:
        stem: their path without ending.
        formats: by name.
        half: ONNX in half precision too.
        int8: ONNX in 8 bits too.
        force: whether they may be there already.

    Raises:
        SettingsError: a file already exists, or a package is missing.
    """
    chosen = [FORMATS[name] for name in dict.fromkeys(formats)]
    chosen += [kind for kind, wanted in ((ONNX_HALF, half), (ONNX_INT8, int8)) if wanted]
    files = {_beside(stem, kind.ending): kind for kind in chosen}
    written = [*files, *(_beside(stem, ".cfg") for kind in chosen if kind.with_cfg)]
    if not force:
        for path in written:
            require_absent("--out", path, has_force=True)
    if {"onnx", "torch-export"} & set(formats):
        require_open_axes()
    if "onnx" in formats:
        require_onnx()
    return files


def write_checked(job: Job, kind: Format, path: Path, inputs: Sequence[Images]) -> Iterator[str]:
    """Write a file under its name if it passes; what there is to say of it, line by line.

    Raises:
        ExportError: it does not find what the network finds; nothing is left behind.
    """
    lines = []
    with progress(desc=path.name, total=3, unit="step") as bar, atomic_path(path) as temporary:
        kind.write(job, temporary)
        bar.update()
        for name, runner in kind.runners(job, temporary).items():
            lines.append(f"  {name}: {_checked(job, kind, runner, inputs, f'{path}: {name}')}")
        bar.update()
        lines += _scored(job, kind)
        bar.update()
    if kind.with_cfg:
        job.model.cfg.write(_beside(path.with_suffix(""), ".cfg"))
    yield f"{path}: {path.stat().st_size:,} bytes"
    yield from lines


def _checked(job: Job, kind: Format, runner: Runner, inputs: Sequence[Images], where: str) -> str:
    try:
        difference = compare(job.runner, runner, inputs, job.detecting, kind.tolerance)
    except CannotRunError as error:
        return f"cannot run it ({error})"
    if not difference.within(kind.tolerance):
        raise ExportError(f"{where} does not find what the network finds ({difference}); the file is not kept")
    return str(difference)


def _scored(job: Job, kind: Format) -> Iterator[str]:
    """What fewer bits cost."""
    if kind.precision in (None, "fp32"):
        return
    before, after = job.metrics, job.metrics_of(kind.precision)
    if before is None or after is None:
        yield "  mAP: not known; add --data"
        return
    yield (
        f"  mAP50-95 {before.map50_95:.4f} -> {after.map50_95:.4f}, mAP50 {before.map50:.4f} -> {after.map50:.4f} "
        f"on {before.num_images:,} images"
    )


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)
