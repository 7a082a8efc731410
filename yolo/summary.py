"""`python -m yolo.summary`: a network file as a table of layers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from yolo.config.program import run_program
from yolo.darknet.cfg_file import CfgFile
from yolo.errors import require_img_size
from yolo.model.network_summary import HeadRow, LayerRow, Summary, describe
from yolo.storage import atomic_path

HEADINGS = ("layer", "type", "filters", "size", "from", "output", "values", "BFLOPs", "MMACs", "field", "jump")
LEFT = {"type", "size", "from"}


@dataclass(frozen=True, kw_only=True)
class SummarySettings:
    """Show a network: each layer's shape, parameters, operations and receptive field, and the totals."""

    cfg: tyro.conf.Positional[str]
    """Network file, or the name of a shipped one."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the cfg's width and height."""
    json: str | None = None
    """Write every number to this file."""

    def __post_init__(self) -> None:
        require_img_size(self.img_size)


def main() -> None:
    """Read the command line and describe."""
    settings = tyro.cli(SummarySettings)
    summary = describe(CfgFile.read(settings.cfg), settings.img_size)
    sys.stdout.write("\n".join(format_summary(summary)) + "\n")
    if settings.json:
        with atomic_path(Path(settings.json)) as temporary:
            temporary.write_text(json.dumps(summary.as_json(), indent=1) + "\n", encoding="utf-8")


def format_summary(summary: Summary) -> Iterator[str]:
    """Lines of plain text: the table of layers, the totals, the heads, the keys that nothing reads."""
    cells = [HEADINGS, *(_cells(row) for row in summary.layers)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        pairs = zip(HEADINGS, row, widths, strict=True)
        yield "  ".join(text.ljust(w) if name in LEFT else text.rjust(w) for name, text, w in pairs).rstrip()
    totals = summary.totals()
    yield ""
    yield f"{summary.cfg}, input {summary.input}"
    yield f"{totals['layers']} layers, {totals['values']:,} parameters ({totals['trainable']:,} trainable)"
    yield f".weights: {totals['weights_bytes']:,} bytes"
    yield f"{totals['flops'] / 1e9:.3f} BFLOPs as Darknet counts, {totals['macs'] / 1e9:.3f} GMACs"
    yield from (_head_line(head) for head in summary.heads)
    if summary.unread:
        yield f"keys that nothing reads ({len(summary.unread)}):"
        yield from (f"  {key}" for key in summary.unread)


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


if __name__ == "__main__":
    raise SystemExit(run_program(main))
