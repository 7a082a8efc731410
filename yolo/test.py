"""`python -m yolo.test`: score a trained network on a labelled data set."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from yolo import distributed
from yolo.checkpoints.loading import load_model, validated_as
from yolo.config.command_line import parse_command_line
from yolo.config.program import run_program
from yolo.config.test_settings import TestSettings
from yolo.data.formats.open_dataset import open_source
from yolo.devices import select_device
from yolo.errors import SettingsError
from yolo.evaluation.result_files import write_coco_results, write_label_files
from yolo.evaluation.scoring import score
from yolo.evaluation.size_study import format_study, study, write_study
from yolo.evaluation.test_report import plots_of, write_html_report
from yolo.remote.runs import new_run_folder
from yolo.remote.upload import Uploader
from yolo.storage import atomic_path
from yolo.urls import is_url, join
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.data.formats.dataset_format import Source
    from yolo.data.index import Index
    from yolo.evaluation.scoring import Score
    from yolo.model.network import Darknet

logger = logging.getLogger("yolo.test")

REPORTED = ("cfg", "metric", "img_size", "fit", "rect", "augment", "conf_thres", "iou_thres", "conf")


def main(arguments: Sequence[str]) -> int:
    """Read the command line and score."""
    return distributed.start("yolo.test", arguments, read_test_settings, test)


def read_test_settings(arguments: Sequence[str]) -> TestSettings:
    """Read the settings of a command line; the defaults are those of the run that wrote the weights."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--weights")
    weights = early.parse_known_args(arguments)[0].weights
    default = TestSettings(weights=weights, **validated_as(weights)) if weights else None
    return parse_command_line(TestSettings, "yolo.test", arguments, default)


def test(given: TestSettings) -> None:
    """Score as the settings say, on each process that does so; the main one says and writes what came."""
    model, _ = load_model(given.cfg, given.weights, select_device(given.device), offline=given.offline)
    settings = given.resolved(model.net.width, model.net.height)
    source = open_source(settings.data, stream=settings.stream)
    index = read_index(settings, source, model)
    if settings.task == "study":
        scores = study(settings, model, index)
        text, numbers = format_study(scores), {str(size): found.as_json() for size, found in scores.items()}
    else:
        found = score(settings, model, index)
        text, numbers = str(found), found.as_json()
    if not distributed.is_main():
        return
    sys.stdout.write(f"{text}\n")
    if settings.json:
        with atomic_path(Path(settings.json)) as temporary:
            temporary.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    if settings.has_folder:
        folder = new_run_folder(
            settings.project,
            settings.name,
            lambda folder: (
                write_study(folder, scores)
                if settings.task == "study"
                else write_files(folder, settings, source, index, found)
            ),
        )
        logger.info("written: %s", folder)
        if is_url(settings.project):
            Uploader(folder, join(settings.project, folder.name)).finish()


def read_index(settings: TestSettings, source: Source, model: Darknet) -> Index:
    """The split, which has as many classes as the model.

    Raises:
        YoloError: it has not, or cannot be read.
    """
    index = source.index(settings.split or "val")
    if settings.single_cls:
        index = index.single_class()
    if len(index.names) != model.num_classes:
        raise SettingsError(
            f"--data {settings.data} has {len(index.names)} classes, {model.cfg.path} {model.num_classes}: "
            "use the cfg that the weights were trained with (model.cfg in a run's folder), --single-cls if they were"
        )
    return index


def write_files(folder: Path, settings: TestSettings, source: Source, index: Index, found: Score) -> None:
    """Write the report, and the detections in the formats that were asked for."""
    shown = found.detections[found.detections.score >= settings.conf]
    if settings.save_json:
        image_ids, category_ids = source.coco_ids(settings.split or "val")
        if settings.single_cls:
            category_ids = [1]
        logger.info("detections.json: image ids from %d, category ids from %d", min(image_ids), min(category_ids))
        write_coco_results(folder / "detections.json", found.detections, image_ids, category_ids)
    if settings.save_txt:
        write_label_files(folder / "labels", index, shown)
    if settings.save_hybrid:
        write_label_files(folder / "hybrid", index, shown, with_truth=True)
    if settings.nosave:
        return
    for name, image in plots_of(found.analysis, index.names).items():
        write_image(folder / f"{name}.png", image)
    numbers = found.as_json() | {"speed_ms": asdict(found.speed)}
    (folder / "metrics.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    write_html_report(
        folder / "report.html",
        title=f"{settings.weights} on {settings.data}, split {settings.split}",
        settings={key: str(value) for key in REPORTED if (value := getattr(settings, key)) not in (None, False)},
        index=index,
        analysis=found.analysis,
        ap=found.ap,
        speed=found.speed,
    )


if __name__ == "__main__":
    raise SystemExit(run_program(main))
