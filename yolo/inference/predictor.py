"""Load a trained network and detect objects with it: shared by the detect program and the Python interface."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.boxes.nms import NmsSettings
from yolo.boxes.nms_methods import NmsMethod
from yolo.checkpoints.loading import choose_class_names, load_model, read_validation_settings
from yolo.config.predict_settings import PredictSettings
from yolo.data.rect import rectangular_sizes
from yolo.data.tiles import choose_tiles
from yolo.devices import select_device
from yolo.errors import DataError, SettingsError, require
from yolo.inference.detector import Detector
from yolo.inference.frame_batches import batch_frames, combine_frames, tile_frames
from yolo.inference.results import Result, Results
from yolo.inference.sources.memory_images import images_in_memory
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.prefetch import prefetch
from yolo.inference.tiling import TiledDetector
from yolo.model import fusing
from yolo.model.input_sizes import input_size, largest_stride

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy.typing as npt
    import torch
    from PIL import Image

    from yolo.data.sample import Batch
    from yolo.inference.sources.frame import Frame, FrameSource
    from yolo.model.network import Darknet

    Source = str | Path | int | npt.NDArray[Any] | torch.Tensor | Image.Image

logger = logging.getLogger(__name__)

NUM_PREFETCHED = 2  # batches that are read ahead of the network


class Predictor:
    """Detect objects in images, videos and streams.

    Args:
        model: in eval mode.
        names: of the model's classes.
        img_size: default side of the network input, pixels; None: the cfg's width.
        tiled: True if the network was trained on tiles, so that detection without them is warned of.
    """

    def __init__(
        self, model: Darknet, names: tuple[str, ...], img_size: int | None = None, *, tiled: bool = False
    ) -> None:
        self.model = model
        self.names = names
        self.img_size = img_size
        self.tiled = tiled

    def predict(self, source: Source | Sequence[Source], **options: Any) -> Results:
        """Return the results for all images, held in memory with their pixels; use `stream` for long videos.

        Args:
            source: a path (image, video, folder, pattern, `.txt` list); the address of an image; an image in memory: an
                array (H, W, 3) uint8, BGR as OpenCV reads it, a PIL image, or a tensor (3, H, W) or (N, 3, H, W), RGB,
                uint8 or floats in 0..1; or a sequence of these.
            **options: fields of `PredictSettings`.

        Raises:
            TypeError: the source is none of these.
            YoloError: a source cannot be read, or an option is not valid.
        """
        sources = build_sources(source)
        if streams := [one.name for one in sources if one.is_stream]:
            raise DataError(f"predict({streams[0]!r}): has no end; iterate over stream({streams[0]!r})")
        return Results(list(self.results(sources, build_predict_settings(options))))

    def stream(self, source: Source | Sequence[Source], **options: Any) -> Generator[Result, None, None]:
        """Yield the results one by one, also for cameras and streams.

        Args:
            source: as for `predict`; also a camera number, or the address of a stream.
            **options: fields of `PredictSettings`.

        Raises:
            YoloError: a source cannot be read, or an option is not valid.
        """
        return self.results(build_sources(source), build_predict_settings(options))

    def results(self, sources: Sequence[FrameSource], settings: PredictSettings) -> Generator[Result, None, None]:
        """Yield the results for the frames of all sources, in order; for several streams, in turn."""
        detector = self.build_detector(settings)
        side = input_size(self.model.graph, settings.img_size or self.img_size, any_multiple=settings.rect)
        has_stream = any(source.is_stream for source in sources)  # a stream's frames are read when they are needed
        frames = combine_frames(sources)
        if self.tiled and not settings.tile:
            logger.warning("the network was trained on tiles: --tile (tile=True) detects in them as validation did")
        if grid := choose_tiles(settings, side):
            batches = tile_frames(frames, grid, side)
        else:
            batch_size = 1 if has_stream else settings.batch_size
            batches = batch_frames(frames, batch_size, self._input_wh_function(settings, side))
        return self._detect_in_batches(
            batches if has_stream else prefetch(batches, NUM_PREFETCHED),
            TiledDetector(detector, settings.batch_size) if grid else detector,
        )

    def build_detector(self, settings: PredictSettings) -> Detector:
        """Return the detector for these settings."""
        nms = NmsSettings(
            score_threshold=settings.conf_thres,
            iou_threshold=settings.iou_thres,
            max_detections=settings.max_det,
            multi_label=settings.multi_label,
            class_agnostic=settings.agnostic,
            classes=find_class_ids(settings.classes, self.names) if settings.classes else None,
            method=NmsMethod(kind=settings.nms, beta=settings.nms_beta, sigma=settings.nms_sigma),
        )
        return Detector(self.model, nms)

    def _input_wh_function(self, settings: PredictSettings, side: int) -> Callable[[Frame], tuple[int, int]]:
        """Return the function from a frame to the width and height of its network input."""
        if not settings.rect:
            return lambda frame: (side, side)
        stride = largest_stride(self.model.graph)

        def rect_input_wh(frame: Frame) -> tuple[int, int]:
            image_sizes = np.array([frame.image.shape[1::-1]], np.int32)
            width, height = rectangular_sizes(image_sizes, side, stride)[0].tolist()
            return width, height

        return rect_input_wh

    def _detect_in_batches(
        self, batches: Generator[tuple[list[Frame], Batch], None, None], detector: Detector | TiledDetector
    ) -> Generator[Result, None, None]:
        with contextlib.closing(batches):
            for frames, batch in batches:
                for frame, detections in zip(frames, detector(batch), strict=True):
                    yield Result.from_detections(frame, detections, self.names)


def load(
    network: str | Path,
    weights: str | Path | None = None,
    *,
    names: str | Path | None = None,
    device: str = "auto",
    fuse: bool = True,
    half: bool = False,
    offline: bool = False,
) -> Predictor:
    """Load a trained network: `load("yolov4-tiny.cfg", "x.weights")`, or `load("best.pt")`.

    Args:
        network: the cfg, by path or shipped name; or, if `weights` is not given, weights that contain their network.
        weights: `.weights`, `.pt` or `.safetensors` file, or the name of published weights.
        names: file of class names; default: those in the weights file, or COCO's if there are 80 classes.
        device: cpu, cuda, cuda:1, ...; auto: a GPU if there is one.
        fuse: fold batch normalisation into convolutions: faster.
        half: compute in 16 bits, on a GPU.
        offline: download nothing.

    Raises:
        YoloError: a file is missing or cut short, or the files do not belong together.
    """
    cfg, weights = (None, str(network)) if weights is None else (str(network), str(weights))
    selected = select_device(device)
    require("--half", half, not half or selected.type != "cpu", f"it on a GPU; on {selected} 16 bits are slower")
    model, own_names = load_model(cfg, weights, selected, offline=offline)
    if fuse:
        model = fusing.fuse(model)
    if half:
        model = model.half()
    model_names = choose_class_names(None if names is None else str(names), own_names, model.num_classes)
    run = read_validation_settings(weights)
    return Predictor(model, model_names, run.get("img_size"), tiled=run.get("tile", False))


def build_sources(source: Source | Sequence[Source]) -> list[FrameSource]:
    """Return the frame sources for an argument of `predict`.

    Raises:
        TypeError: it is nothing that `predict` takes.
        DataError: it cannot be read.
    """
    several = source if isinstance(source, Sequence) and not isinstance(source, str | bytes) else [source]
    sources: list[FrameSource] = []
    for one in several:
        is_name = isinstance(one, str | Path | int) and not isinstance(one, bool)
        sources += open_sources([str(one)]) if is_name else images_in_memory(one, len(sources))
    return sources


def build_predict_settings(options: dict[str, Any]) -> PredictSettings:
    """Return the settings with these fields changed from their defaults.

    Raises:
        SettingsError: there is no such field, or a value is not valid.
    """
    known = [field.name for field in fields(PredictSettings)]
    for name in options:
        require("option", name, name in known, f"one of {', '.join(known)}")
    return replace(PredictSettings(), **options)


def find_class_ids(wanted: Sequence[str | int], names: Sequence[str]) -> list[int]:
    """Return the ids of classes that are given by name or number.

    Raises:
        SettingsError: there is no such class.
    """
    ids = []
    for one in wanted:
        text = str(one)
        if text in names:
            ids.append(names.index(text))
        elif text.isdecimal() and int(text) < len(names):
            ids.append(int(text))
        else:
            raise SettingsError(f"--classes {text}: no such class; use 0..{len(names) - 1}, or {', '.join(names)}")
    return ids
