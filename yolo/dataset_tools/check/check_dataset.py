"""`python -m yolo.data check DATA`."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

import yolo.dataset_tools.check.checks  # noqa: F401, fills CHECKS
from yolo.data.formats.coco_format import CocoSource
from yolo.data.formats.darknet_format import DarknetSource
from yolo.data.formats.open_dataset import open_source
from yolo.data.formats.voc_format import VocSource
from yolo.dataset_tools.check.check_report import write_report
from yolo.dataset_tools.check.dataset_plots import read_cfg_anchors
from yolo.dataset_tools.check.finding import Level, run_checks
from yolo.dataset_tools.check.fix import CHANGES, write_fixed
from yolo.dataset_tools.check.scan_dataset import scan_dataset
from yolo.dataset_tools.check.text_report import format_findings
from yolo.errors import SettingsError
from yolo.storage import require_absent

_log = logging.getLogger(__name__)

REPORT_SUFFIXES = (".html", ".png")
WRITER_NAMES = {VocSource: "voc", CocoSource: "coco", DarknetSource: "darknet"}  # other formats: "yolo"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """Read every image and label of a data set and say what is wrong with it.

    Exit status: 0 if there are no errors (warnings do not count), 1 if there are, 2 if the command cannot be run.
    """

    data: tyro.conf.Positional[str]
    """the data set: a .data file, a VOC folder, or the name of a shipped one"""
    fix: Path | None = None
    """write a cleaned copy to this folder, which must not exist yet; the data set itself is left as it is"""
    report: Path | None = None
    """write findings, images of offenders and plots to this .html file, or the plots alone to a .png"""
    cfg: str = ""
    """network whose anchors the report draws among the box sizes"""


def check(settings: CheckSettings) -> None:
    """Check a data set, and write what was asked for.

    Raises:
        SystemExit: with status 1 if there are errors.
        YoloError: the command cannot be run.
    """
    report, fix = settings.report, settings.fix
    if report is not None and report.suffix.lower() not in REPORT_SUFFIXES:
        raise SettingsError(f"--report {report}: use a name that ends in {' or '.join(REPORT_SUFFIXES)}")
    if fix is not None:
        require_absent("--fix", fix.expanduser())
    anchors = read_cfg_anchors(settings.cfg) if settings.cfg else None
    source = open_source(settings.data)
    scan = scan_dataset(source)
    findings = run_checks(scan)
    sys.stdout.write(format_findings(scan, findings) + "\n")
    if report is not None:
        write_report(scan, findings, report.expanduser(), title=settings.data, anchors=anchors)
        _log.info("report in %s", report)
    if fix is not None:
        changes = write_fixed(scan, fix.expanduser(), WRITER_NAMES.get(type(source), "yolo"))
        for kind, count in changes.items():
            _log.info("%6d %s", count, kind)
        _log.info("cleaned copy in %s; each change is a line of %s", fix, CHANGES)
    if any(finding.check.level is Level.ERROR for finding in findings):
        raise SystemExit(1)
