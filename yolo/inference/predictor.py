"""A trained network that answers with results: what the detect program and the Python interface share."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.boxes.nms import NmsSettings
from yolo.boxes.nms_methods import NmsMethod
from yolo.checkpoints.loading import class_names, load_model, validated_as
from yolo.config.predict_settings import PredictSettings
from yolo.data.rect import rectangular_sizes
from yolo.devices import select_device
from yolo.errors import DataError, SettingsError, require
from yolo.inference.detector import Detector, letterbox_batch
from yolo.inference.results import Result, Results
from yolo.inference.sources.image_files import ImageArray
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.prefetch import prefetched
from yolo.inference.tiling import detect_in_tiles
from yolo.model.fusing import fuse as fused
from yolo.model.input_sizes import input_size, largest_stride

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import numpy.typing as npt

    from yolo.data.sample import Batch
    from yolo.inference.sources.frame import Frame, FrameSource
    from yolo.model.network import Darknet

    Source = str | Path | npt.NDArray[Any]

AHEAD = 2  # batches that are read before the network asks for them


class Predictor:
    """Finds objects in frames, of whatever source.

    Args:
        model: in eval mode.
        names: of its classes.
        img_size: side of the network input where none is asked for, pixels.
    """

    def __init__(self, model: Darknet, names: tuple[str, ...], img_size: int | None = None) -> None:
        self.model = model
        self.names = names
        self.img_size = img_size

    def predict(self, source: Source | Sequence[Source], **options: Any) -> Results:
        """Results of every image, all held in memory with their pixels; for long videos there is `stream`.

        Args:
            source: a path (image, video, folder, pattern, `.txt` list), an image in memory (H, W, 3) uint8, BGR as
                OpenCV reads it, or a sequence of these.
            **options: fields of `PredictSettings`.

        Raises:
            YoloError: nothing there to read, or an option that cannot be.
        """
        sources = sources_of(source)
        if endless := [one.name for one in sources if one.live]:
            raise DataError(f"predict({endless[0]!r}): has no end; go through stream({endless[0]!r})")
        return Results(list(self.results(sources, _settings(options))))

    def stream(self, source: Source | Sequence[Source], **options: Any) -> Generator[Result, None, None]:
        """Results one by one, as they are found; also of cameras and streams.

        Args:
            source: as of `predict`; also the number of a camera, and the address of a stream.
            **options: fields of `PredictSettings`.

        Raises:
            YoloError: nothing there to read, or an option that cannot be.
        """
        return self.results(sources_of(source), _settings(options))

    def results(self, sources: Sequence[FrameSource], settings: PredictSettings) -> Generator[Result, None, None]:
        """Results of opened sources, in order; of several live ones, in turn."""
        detector = self.detector(settings)
        size = input_size(self.model.graph, settings.img_size or self.img_size, any_multiple=settings.rect)
        live = any(source.live for source in sources)
        if settings.tile:
            frames = _all_frames(sources)
            return self._in_tiles(frames if live else prefetched(frames, AHEAD), detector, size, settings)
        batches = _batches(_all_frames(sources), 1 if live else settings.batch_size, self._shape(settings, size))
        return self._in_batches(batches if live else prefetched(batches, AHEAD), detector)

    def detector(self, settings: PredictSettings) -> Detector:
        """What finds objects by these settings."""
        nms = NmsSettings(
            score_threshold=settings.conf_thres,
            iou_threshold=settings.iou_thres,
            max_detections=settings.max_det,
            multi_label=settings.multi_label,
            class_agnostic=settings.agnostic,
            classes=class_ids(settings.classes, self.names) if settings.classes else None,
            method=NmsMethod(kind=settings.nms, beta=settings.nms_beta, sigma=settings.nms_sigma),
        )
        return Detector(self.model, nms)

    def _shape(self, settings: PredictSettings, size: int) -> Callable[[Frame], tuple[int, int]]:
        """Width and height of the input for an image."""
        if not settings.rect:
            return lambda image: (size, size)
        stride = largest_stride(self.model.graph)

        def smallest(image: Frame) -> tuple[int, int]:
            sizes = np.array([image.image.shape[1::-1]], np.int32)
            width, height = rectangular_sizes(sizes, size, stride)[0].tolist()
            return width, height

        return smallest

    def _in_batches(
        self, batches: Generator[tuple[list[Frame], Batch], None, None], detector: Detector
    ) -> Generator[Result, None, None]:
        with contextlib.closing(batches):
            for frames, batch in batches:
                for image, detections in zip(frames, detector(batch), strict=True):
                    yield Result.of(image, detections, self.names)

    def _in_tiles(
        self, frames: Generator[Frame, None, None], detector: Detector, size: int, settings: PredictSettings
    ) -> Generator[Result, None, None]:
        with contextlib.closing(frames):
            for image in frames:
                detections = detect_in_tiles(
                    detector,
                    image.image,
                    side=size,
                    overlap=settings.tile_overlap,
                    batch_size=settings.batch_size,
                )
                yield Result.of(image, detections, self.names)


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
        network: the cfg, by path or shipped name; or, alone, weights that bring their network.
        weights: `.weights`, `.pt` or `.safetensors`, or the name of published ones.
        names: file of class names; default: the weights' own, or COCO's where there are 80 classes.
        device: cpu, cuda, cuda:1, ...; auto: a GPU if there is one.
        fuse: fold batch normalisation into convolutions: faster.
        half: compute in 16 bits, on a GPU.
        offline: fetch nothing.

    Raises:
        YoloError: files that are missing, cut short or do not belong together.
    """
    cfg, weights = (None, str(network)) if weights is None else (str(network), str(weights))
    where = select_device(device)
    require("--half", half, not half or where.type != "cpu", f"it on a GPU; on {where} 16 bits are slower")
    model, own_names = load_model(cfg, weights, where, offline=offline)
    if fuse:
        model = fused(model)
    if half:
        model = model.half()
    found = class_names(None if names is None else str(names), own_names, model.num_classes)
    return Predictor(model, found, validated_as(weights).get("img_size"))


def sources_of(source: Source | Sequence[Source]) -> list[FrameSource]:
    """What a user gives to `predict`, opened."""
    several = source if isinstance(source, Sequence) and not isinstance(source, str) else [source]
    found: list[FrameSource] = []
    for number, one in enumerate(several):
        found += [_in_memory(one, number)] if isinstance(one, np.ndarray) else open_sources([str(one)])
    return found


def class_ids(wanted: Sequence[str | int], names: Sequence[str]) -> list[int]:
    """Ids of classes that are given by name or number.

    Raises:
        SettingsError: there is no such class.
    """
    found = []
    for one in wanted:
        text = str(one)
        if text in names:
            found.append(names.index(text))
        elif text.isdecimal() and int(text) < len(names):
            found.append(int(text))
        else:
            raise SettingsError(f"--classes {text}: no such class; use 0..{len(names) - 1}, or of {', '.join(names)}")
    return found


def _in_memory(image: npt.NDArray[Any], number: int) -> FrameSource:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataError(f"array {number}: is {image.dtype} of {image.shape}; use uint8 of (height, width, 3), BGR")
    return ImageArray(image, f"image{number}")


def _settings(options: dict[str, Any]) -> PredictSettings:
    known = [field.name for field in fields(PredictSettings)]
    for name in options:
        require("option", name, name in known, f"one of {', '.join(known)}")
    return replace(PredictSettings(), **options)


def _all_frames(sources: Sequence[FrameSource]) -> Generator[Frame, None, None]:
    """Those of each source in turn, then of all live ones an image each at a time."""
    for source in sources:
        if not source.live:
            yield from source.frames()
    with contextlib.ExitStack() as stack:
        live = [stack.enter_context(contextlib.closing(source.frames())) for source in sources if source.live]
        yield from _in_turn(live)


def _in_turn(live: Sequence[Iterator[Frame]]) -> Iterator[Frame]:
    left = list(live)
    while left:
        for frames in list(left):
            image = next(frames, None)
            if image is None:
                left.remove(frames)
            else:
                yield image


def _batches(
    frames: Generator[Frame, None, None], batch_size: int, shape: Callable[[Frame], tuple[int, int]]
) -> Generator[tuple[list[Frame], Batch], None, None]:
    """Images in a row whose inputs have one shape, with their network input."""
    with contextlib.closing(frames):
        for size_wh, alike in itertools.groupby(frames, key=shape):
            while chunk := list(itertools.islice(alike, batch_size)):
                yield chunk, letterbox_batch([image.image for image in chunk], size_wh)
