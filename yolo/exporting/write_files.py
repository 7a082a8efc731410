"""Write exported files, and keep each only if it gives the network's detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.exporting.detector_graph import require_dynamic_export
from yolo.exporting.equivalence import ExportError, compare_runners
from yolo.exporting.export_formats import FORMATS, ONNX_FP16, ONNX_INT8, ExportFormat
from yolo.exporting.onnx_graph import require_onnx
from yolo.exporting.runtimes import CannotRunError
from yolo.log import progress
from yolo.storage import atomic_path, require_absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolo.config.export_settings import FormatName
    from yolo.exporting.exporter import Exporter
    from yolo.exporting.runtimes import Images, Runner


def plan_files(
    stem: Path, format_names: Sequence[FormatName], *, half: bool, int8: bool, force: bool
) -> dict[Path, ExportFormat]:
    """Return the files to write, in order, after checking what can be checked before exporting.

    Args:
        stem: path of the files without suffix.
        format_names: formats to write.
        half: also write ONNX in half precision.
        int8: also write ONNX in 8 bits.
        force: whether files may exist already.

    Raises:
        SettingsError: a file already exists, or a package is missing.
    """
    formats = [FORMATS[name] for name in dict.fromkeys(format_names)]
    formats += [ONNX_FP16] if half else []
    formats += [ONNX_INT8] if int8 else []
    files = {_append_suffix(stem, export_format.suffix): export_format for export_format in formats}
    cfg_files = [_append_suffix(stem, ".cfg") for export_format in formats if export_format.with_cfg]
    if not force:
        for path in (*files, *cfg_files):
            require_absent("--out", path, has_force=True)
    if {"onnx", "torch-export"} & set(format_names):
        require_dynamic_export()
    if "onnx" in format_names:
        require_onnx()
    return files


def write_checked(
    exporter: Exporter, export_format: ExportFormat, path: Path, inputs: Sequence[Images]
) -> Iterator[str]:
    """Write a file, check it, and yield the lines of its report.

    Raises:
        ExportError: the file does not give the network's detections; it is removed.
    """
    lines = []
    with progress(desc=path.name, total=3, unit="step") as bar, atomic_path(path) as temporary:
        export_format.write(exporter, temporary)
        bar.update()
        for name, runner in export_format.build_runners(exporter, temporary).items():
            lines.append(f"  {name}: {_check(exporter, export_format, runner, inputs, f'{path}: {name}')}")
        bar.update()
        lines += _report_metrics(exporter, export_format)
        bar.update()
    if export_format.with_cfg:
        exporter.model.cfg.write(_append_suffix(path.with_suffix(""), ".cfg"))
    yield f"{path}: {path.stat().st_size:,} bytes"
    yield from lines


def _check(
    exporter: Exporter, export_format: ExportFormat, runner: Runner, inputs: Sequence[Images], where: str
) -> str:
    tolerance = export_format.tolerance
    try:
        difference = compare_runners(exporter.reference_runner, runner, inputs, exporter.nms_settings, tolerance)
    except CannotRunError as error:
        return f"cannot run it ({error})"
    if not difference.is_within(tolerance):
        raise ExportError(f"{where} does not give the network's detections ({difference}); the file was removed")
    return str(difference)


def _report_metrics(exporter: Exporter, export_format: ExportFormat) -> Iterator[str]:
    """Yield a line with the mAP before and after, for lower precisions only."""
    if export_format.precision in (None, "fp32"):
        return
    before, after = exporter.reference_metrics, exporter.onnx_metrics(export_format.precision)
    if before is None or after is None:
        yield "  mAP: unknown; add --data"
        return
    yield (
        f"  mAP50-95 {before.map50_95:.4f} -> {after.map50_95:.4f}, mAP50 {before.map50:.4f} -> {after.map50:.4f} "
        f"on {before.num_images:,} images"
    )


def _append_suffix(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)
