"""The summary of a network as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.text_table import align_columns

if TYPE_CHECKING:
    from yolo.model.network_summary import HeadRow, LayerRow, Summary

HEADINGS = ("layer", "type", "filters", "size", "from", "output", "values", "BFLOPs", "MMACs", "field", "jump")
LEFT_COLUMNS = tuple(HEADINGS.index(heading) for heading in ("type", "size", "from"))


def format_network(summary: Summary) -> list[str]:
    """Return lines of text: the table of layers, the totals, the heads, and the keys that no layer reads."""
    totals = summary.totals()
    lines = align_columns([HEADINGS, *(_cells(row) for row in summary.layers)], left=LEFT_COLUMNS)
    lines += [
        "",
        f"{summary.cfg}, input {summary.input}",
        f"{totals['layers']} layers, {totals['values']:,} parameters ({totals['trainable']:,} trainable)",
        f".weights: {totals['weights_bytes']:,} bytes",
        f"{totals['flops'] / 1e9:.3f} BFLOPs as Darknet counts, {totals['macs'] / 1e9:.3f} GMACs",
        *(_head_line(head) for head in summary.heads),
    ]
    if summary.unread:
        lines += [f"keys that nothing reads ({len(summary.unread)}):", *(f"  {key}" for key in summary.unread)]
    return lines


def _cells(row: LayerRow) -> tuple[str, ...]:
    return (
        str(row.index),
        row.type,
        str(row.filters or ""),
        "" if row.size is None else f"{row.size}/{row.stride or 1}",
        ",".join("input" if source < 0 else str(source) for source in row.sources if row.sources != (row.index - 1,)),
        str(row.output),
        f"{row.values:,}" if row.values else "",
        f"{row.flops / 1e9:.3f}" if row.flops else "",
        f"{row.macs / 1e6:.1f}" if row.macs else "",
        str(row.field),
        f"{row.jump:g}",
    )


def _head_line(head: HeadRow) -> str:
    anchors = "  ".join(f"{width:g},{height:g}" for width, height in head.anchors) or "none"
    return f"head {head.index} [{head.type}]: stride {head.stride:g}, classes {head.classes}, anchors {anchors}"
