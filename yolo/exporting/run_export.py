"""The work of `python -m yolo.export`: write each file that the settings ask for, and report on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from yolo.boxes.nms import NmsSettings
from yolo.checkpoints.loading import choose_class_names, load_model, read_validation_settings
from yolo.errors import require
from yolo.exporting.detector_graph import GraphSignature
from yolo.exporting.export_formats import FORMATS
from yolo.exporting.exporter import Exporter
from yolo.exporting.sample_images import LabelledImages, build_check_inputs
from yolo.exporting.write_files import plan_files, write_checked

if TYPE_CHECKING:
    from yolo.config.export_settings import ExportSettings

SUFFIXES = {export_format.suffix for export_format in FORMATS.values()}


def run_export(settings: ExportSettings) -> None:
    """Export a network and print a report for each file.

    Raises:
        YoloError: the settings cannot be used, or a file does not give the network's detections.
    """
    out = Path(settings.out).expanduser() if settings.out else Path(settings.weights).with_suffix("")
    has_suffix = settings.out is not None and out.suffix in SUFFIXES
    require("--out", settings.out, not has_suffix, "a name without suffix: each file gets its own")
    files = plan_files(out, settings.format, half=settings.half, int8=settings.int8, force=settings.force)
    model, own_names = load_model(settings.cfg, settings.weights, torch.device("cpu"))
    img_size = settings.img_size or read_validation_settings(settings.weights).get("img_size")
    signature = GraphSignature.from_model(model, img_size)
    inputs = build_check_inputs(signature, Path(settings.image) if settings.image else None)
    exporter = Exporter(
        model,
        choose_class_names(settings.names, own_names, model.num_classes),
        signature,
        fused=settings.fuse,
        nms_settings=NmsSettings(
            score_threshold=settings.conf_thres, iou_threshold=settings.iou_thres, max_detections=settings.max_det
        ),
        with_nms=settings.nms,
        labelled_images=LabelledImages(settings.data, signature.input_size, model.num_classes)
        if settings.data
        else None,
        num_calibration_images=settings.calibration_images,
    )
    for path, export_format in files.items():
        for line in write_checked(exporter, export_format, path, inputs):
            sys.stdout.write(line + "\n")
