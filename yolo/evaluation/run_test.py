"""The work of `python -m yolo.test`: evaluate a network as the settings say, and write the results."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolo import distributed
from yolo.checkpoints.loading import load_model, read_run_data
from yolo.checkpoints.published import find_published, find_weights
from yolo.data.formats.open_dataset import open_dataset
from yolo.devices import select_device
from yolo.errors import SettingsError
from yolo.evaluation.evaluate_model import evaluate_model
from yolo.evaluation.evaluation_report import draw_plots, write_html_report
from yolo.evaluation.result_files import write_coco_results, write_json, write_label_files
from yolo.evaluation.size_study import evaluate_sizes, format_size_study, write_size_study
from yolo.remote.runs import new_run_folder
from yolo.remote.upload import Uploader
from yolo.urls import is_url, join_url
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolo.config.test_settings import TestSettings
    from yolo.data.formats.dataset_format import DatasetFormat
    from yolo.data.index import Index
    from yolo.evaluation.evaluate_model import EvaluationResult
    from yolo.model.network import Darknet

logger = logging.getLogger("yolo.test")

REPORTED_SETTINGS = (
    *("cfg", "metric", "img_size", "fit", "rect", "tile", "tile_size", "augment"),
    *("conf_thres", "iou_thres", "conf"),
)


def run_test(given: TestSettings) -> None:
    """Evaluate a network; called on every process, of which the main one prints and writes the results."""
    unresolved = with_data_of_run(given)
    model, _ = load_model(
        unresolved.cfg,
        unresolved.weights,
        select_device(unresolved.device, distributed.local_rank()),
        offline=unresolved.offline,
    )
    settings = unresolved.resolved(model.net.width, model.net.height)
    source = open_dataset(settings.data, stream=settings.stream)
    index = read_split(source, settings.split or "val", model, single_cls=settings.single_cls)
    if settings.task == "study":
        results = evaluate_sizes(settings, model, index)
        content = {str(size): result.as_json() for size, result in results.items()}
        publish(settings, format_size_study(results), content, lambda folder: write_size_study(folder, results))
    else:
        result = evaluate_model(settings, model, index)
        publish(
            settings,
            str(result),
            result.as_json(),
            lambda folder: write_result_files(folder, settings, source, index, result),
        )


def with_data_of_run(settings: TestSettings) -> TestSettings:
    """Return the settings with the data set of the run that wrote the weights, unless they name one.

    Raises:
        SettingsError: neither names a data set.
        WeightsError: there are no such weights.
    """
    if settings.data:
        return settings
    if find_published(settings.weights) is None:
        find_weights(settings.weights)
    data = read_run_data(settings.weights)
    if not data:
        raise SettingsError(f"--data: {settings.weights} does not say which data set it was trained on; give one")
    logger.info("--data %s: that of the run that wrote %s", data, settings.weights)
    return replace(settings, data=data)


def publish(settings: TestSettings, text: str, content: dict[str, Any], write_files: Callable[[Path], None]) -> None:
    """Print and write results on the main process.

    Args:
        settings: resolved.
        text: to print.
        content: of the file of `--json`.
        write_files: writes all other files into a folder.
    """
    if not distributed.is_main():
        return
    sys.stdout.write(f"{text}\n")
    if settings.json:
        write_json(Path(settings.json), content)
    if settings.has_folder:
        folder = new_run_folder(settings.project, settings.name, write_files)
        logger.info("written: %s", folder)
        if is_url(settings.project):
            Uploader(folder, join_url(settings.project, folder.name)).finish()


def read_split(source: DatasetFormat, split: str, model: Darknet, *, single_cls: bool) -> Index:
    """Read a split and check that it has as many classes as the model.

    Raises:
        YoloError: it has not, or cannot be read.
    """
    index = source.index(split)
    if single_cls:
        index = index.single_class()
    if len(index.names) != model.num_classes:
        raise SettingsError(
            f"{source.path} has {len(index.names)} classes, but {model.cfg.path} has {model.num_classes}: "
            "use the cfg that the weights were trained with (model.cfg in a run's folder), "
            "and --single-cls if they were trained with it"
        )
    return index


def write_result_files(
    folder: Path, settings: TestSettings, source: DatasetFormat, index: Index, result: EvaluationResult
) -> None:
    """Write the detections in the requested formats, and the report unless `--nosave` is given."""
    shown = result.detections[result.detections.score >= settings.conf]
    if settings.save_json:
        image_ids, category_ids = source.coco_ids(settings.split or "val")
        if settings.single_cls:
            category_ids = [1]
        logger.info("detections.json: image ids from %d, category ids from %d", min(image_ids), min(category_ids))
        write_coco_results(folder / "detections.json", result.detections, image_ids, category_ids)
    if settings.save_txt:
        write_label_files(folder / "labels", index, shown)
    if settings.save_hybrid:
        write_label_files(folder / "hybrid", index, shown, with_gt=True)
    if not settings.nosave:
        write_report_files(folder, settings, index, result)


def write_report_files(folder: Path, settings: TestSettings, index: Index, result: EvaluationResult) -> None:
    """Write the plots, `metrics.json` and `report.html`."""
    plots = draw_plots(result.analysis, index.names)
    for name, image in plots.items():
        write_image(folder / f"{name}.png", image)
    write_json(folder / "metrics.json", result.as_json_with_speed())
    values = {name: getattr(settings, name) for name in REPORTED_SETTINGS}
    write_html_report(
        folder / "report.html",
        title=f"{settings.weights} on {settings.data}, split {settings.split}",
        settings={name: str(value) for name, value in values.items() if value not in (None, False)},
        index=index,
        result=result,
        plots=plots,
    )
