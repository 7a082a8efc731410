"""The loop of the detect program: read sources, detect, write results into the run's folder."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from typing import TYPE_CHECKING

from yolo.data.formats.sizes import read_sizes
from yolo.inference.predictor import NUM_PREFETCHED, load
from yolo.inference.result_writers import ResultWriters, build_result_writers
from yolo.inference.sources.image_files import ImageFile
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.prefetch import prefetch
from yolo.inference.window import Window
from yolo.log import progress
from yolo.remote.runs import new_run_folder
from yolo.remote.upload import Uploader
from yolo.urls import is_url, join_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.config.detect_settings import DetectSettings
    from yolo.inference.predictor import Predictor
    from yolo.inference.sources.frame import FrameSource

logger = logging.getLogger(__name__)


def run_detection(settings: DetectSettings) -> None:
    """Detect objects in the sources of the settings, write what they ask for, and log a summary.

    Raises:
        YoloError: a source, a file or a setting cannot be used; before the first result, no file is written.
    """
    sources = open_sources(settings.source)
    window = Window("yolo.detect") if settings.view else None
    num_frames = count_frames(sources)
    results = prefetch(load_predictor(settings).results(sources, settings.predict), NUM_PREFETCHED)
    first = next(results)  # raises if nothing can be read, before the run's folder is made
    folder = new_run_folder(settings.project, settings.name)
    num_images = num_objects = 0
    start = time.monotonic()
    try:
        with (
            ResultWriters(build_result_writers(settings, folder, first.class_names)) as writers,
            progress(total=num_frames, desc="detect", unit="img", leave=True) as bar,
            contextlib.closing(results),
        ):
            for result in itertools.chain([first], results):
                writers.write(result)
                num_images, num_objects = num_images + 1, num_objects + len(result)
                bar.update()
                if window and not window.show(result.plot()):
                    break
    finally:
        speed = num_images / (time.monotonic() - start)
        logger.info("%d objects in %d images, %.1f img/s: %s", num_objects, num_images, speed, folder)
        if is_url(settings.project):
            Uploader(folder, join_url(settings.project, folder.name)).finish()


def load_predictor(settings: DetectSettings) -> Predictor:
    """Load the network that the settings name."""
    network = (settings.cfg, settings.weights) if settings.cfg else (settings.weights,)
    return load(
        *network,
        names=settings.names,
        device=settings.device,
        fuse=settings.fuse,
        half=settings.half,
        offline=settings.offline,
    )


def count_frames(sources: Sequence[FrameSource]) -> int | None:
    """Return the number of images and frames in all sources; None if that of a source is unknown.

    Raises:
        DataError: an image or video cannot be read.
    """
    read_sizes([source.path for source in sources if isinstance(source, ImageFile)])  # raises for unreadable images
    counts = [source.num_frames for source in progress(sources, "open", unit=" files", delay=1)]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
