"""Format the registry of published weights as a table."""

from __future__ import annotations

from yolo.checkpoints.published import PublishedWeights, registry
from yolo.text_table import align_columns

HEADINGS = ("name", "MB", "cfg", "trained on", "AP", "AP50", "measured on", "score it on", "here")
RIGHT = {"MB", "AP", "AP50"}


def format_registry() -> str:
    """Return the registry as a table."""
    rows = [HEADINGS, *(_cells(entry) for entry in registry().values())]
    left = [i for i, heading in enumerate(HEADINGS) if heading not in RIGHT]
    return "\n".join(align_columns(rows, left=left)) + "\n"


def _cells(entry: PublishedWeights) -> tuple[str, ...]:
    return (
        entry.name,
        f"{entry.num_bytes / 1e6:.0f}",
        entry.cfg,
        entry.trained_on,
        "-" if entry.ap is None else f"{entry.ap:.1f}",
        "-" if entry.ap50 is None else f"{entry.ap50:.1f}",
        entry.measured_on or "-",
        entry.score_on or "-",
        str(entry.find_local() or "-"),
    )
