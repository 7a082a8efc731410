"""Check a data set: read it, run all checks, and write what was asked for."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

import yolo.dataset_tools.check.checks  # noqa: F401, fills CHECKS
from yolo.data.formats.coco_format import CocoFormat
from yolo.data.formats.darknet_format import DarknetFormat
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.formats.voc_format import VocFormat
from yolo.dataset_tools.check.check_report import write_report
from yolo.dataset_tools.check.dataset_plots import NetworkAnchors
from yolo.dataset_tools.check.finding import Level, run_checks
from yolo.dataset_tools.check.fix import CHANGES_FILE, write_fixed
from yolo.dataset_tools.check.scan_dataset import scan_dataset
from yolo.dataset_tools.check.text_report import format_findings
from yolo.dataset_tools.small_boxes import warn_of_small_boxes
from yolo.errors import SettingsError
from yolo.model.graph import read_graph
from yolo.model.head_anchors import head_anchors
from yolo.storage import require_absent

_log = logging.getLogger(__name__)

REPORT_SUFFIXES = (".html", ".png")
WRITER_NAMES = {VocFormat: "voc", CocoFormat: "coco", DarknetFormat: "darknet"}  # other formats: "yolo"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """Read every image and label of a data set and report what is wrong with it.

    Exit status: 0 if there are no errors (warnings do not count), 1 if there are, 2 if the command cannot be run.
    """

    data: tyro.conf.Positional[str]
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of images, or 'shapes'."""
    fix: Path | None = None
    """Write a cleaned copy to this folder, which must not exist; the data set itself is not changed."""
    report: Path | None = None
    """Write findings, images of examples and plots to this .html file, or only the plots to a .png."""
    cfg: str = ""
    """Network: warn if most boxes are too small for its input; the report draws its anchors among the box sizes."""

    def __post_init__(self) -> None:
        if self.report is not None and self.report.suffix.lower() not in REPORT_SUFFIXES:
            raise SettingsError(f"--report {self.report}: use a name that ends in {' or '.join(REPORT_SUFFIXES)}")


def check_dataset(settings: CheckSettings) -> int:
    """Check a data set and return the exit status of the program.

    Raises:
        YoloError: the command cannot be run.
    """
    report, fix = settings.report, settings.fix
    if fix is not None:
        require_absent("--fix", fix.expanduser())
    anchors = read_anchors(settings.cfg) if settings.cfg else None
    source = open_dataset(settings.data)
    scan = scan_dataset(source)
    findings = run_checks(scan)
    sys.stdout.write(format_findings(scan, findings) + "\n")
    if anchors is not None:
        shapes = scan.shapes_in_input(anchors.input_size)[scan.has_area & ~scan.ignore]
        warn_of_small_boxes(shapes, anchors.input_size, anchors.title)
    if report is not None:
        write_report(scan, findings, report.expanduser(), title=settings.data, anchors=anchors)
        _log.info("report in %s", report)
    if fix is not None:
        changes = write_fixed(scan, fix.expanduser(), WRITER_NAMES.get(type(source), "yolo"))
        for kind, count in changes.items():
            _log.info("%6d %s", count, kind)
        _log.info("cleaned copy in %s; each change is a line of %s", fix, CHANGES_FILE)
    return 1 if any(finding.check.level is Level.ERROR for finding in findings) else 0


def read_anchors(cfg: str) -> NetworkAnchors:
    """Read the anchors of a network file, or of a shipped one by name.

    Raises:
        CfgError: there is no such file, or it has no anchors.
    """
    graph = read_graph(cfg)
    title = graph.cfg.path.rpartition("/")[2]
    return NetworkAnchors(title, (graph.net.width, graph.net.height), head_anchors(graph))
