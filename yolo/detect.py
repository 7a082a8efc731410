"""`python -m yolo.detect`: detections in images, videos and streams, drawn, as JSON, as text."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from typing import TYPE_CHECKING

import tyro

from yolo.config.detect_settings import DetectSettings
from yolo.config.program import run_program
from yolo.data.formats.sizes import read_sizes
from yolo.inference.outputs import Outputs, build_outputs
from yolo.inference.predictor import AHEAD, load
from yolo.inference.sources.image_files import ImageFile
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.prefetch import prefetched
from yolo.inference.window import Window
from yolo.log import progress
from yolo.remote.runs import new_run_folder
from yolo.remote.upload import Uploader
from yolo.urls import is_url, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.inference.sources.frame import FrameSource

logger = logging.getLogger("yolo.detect")


def main(arguments: Sequence[str]) -> None:
    """Read the command line and detect."""
    settings = tyro.cli(
        DetectSettings, args=arguments, prog="python -m yolo.detect", config=(tyro.conf.OmitArgPrefixes,)
    )
    sources = open_sources(settings.source)
    window = Window("yolo.detect") if settings.view else None
    total = _count(sources)
    predictor = load(
        *((settings.cfg, settings.weights) if settings.cfg else (settings.weights,)),
        names=settings.names,
        device=settings.device,
        fuse=settings.fuse,
        half=settings.half,
        offline=settings.offline,
    )
    found = prefetched(predictor.results(sources, settings.predict), AHEAD)
    first = next(found)  # where nothing can be read, nothing is written
    folder = new_run_folder(settings.project, settings.name)
    num_images = num_objects = 0
    start = time.monotonic()
    try:
        with (
            Outputs(build_outputs(settings, folder)) as outputs,
            progress(total=total, desc="detect", unit="img", leave=True) as bar,
            contextlib.closing(found),
        ):
            for result in itertools.chain([first], found):
                outputs.write(result)
                num_images, num_objects = num_images + 1, num_objects + len(result)
                bar.update()
                if window and not window.show(result.plot()):
                    break
    finally:
        speed = num_images / (time.monotonic() - start)
        logger.info("%d objects in %d images, %.1f img/s: %s", num_objects, num_images, speed, folder)
        if is_url(settings.project):
            Uploader(folder, join(settings.project, folder.name)).finish()


def _count(sources: Sequence[FrameSource]) -> int | None:
    """Images and frames in all, where that is known; refuses what cannot be read before anything is written."""
    read_sizes([source.path for source in sources if isinstance(source, ImageFile)])
    totals = [source.total for source in progress(sources, "open", unit=" files", delay=1)]
    known = [total for total in totals if total is not None]
    return sum(known) if len(known) == len(totals) else None


if __name__ == "__main__":
    raise SystemExit(run_program(main))
