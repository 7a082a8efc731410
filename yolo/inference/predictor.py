"""A trained network that answers with results: what the detect program and the Python interface share."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.boxes.suppression import NmsKind, NmsMethod
from yolo.checkpoints.loading import class_names, load_model, validated_as
from yolo.data.rect import rectangular_sizes
from yolo.devices import select_device
from yolo.errors import DataError, SettingsError, require
from yolo.inference.detector import Detector, letterboxed
from yolo.inference.results import Result, Results
from yolo.inference.sources.image_files import PictureArray
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.prefetch import prefetched
from yolo.inference.tiling import detect_in_tiles
from yolo.model.fusing import fuse as fused
from yolo.model.input_sizes import input_size
from yolo.model.network_summary import largest_stride

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import numpy.typing as npt

    from yolo.data.sample import Batch
    from yolo.inference.sources.frame import Picture, PictureSource
    from yolo.model.network import Darknet

    Source = str | Path | npt.NDArray[Any]

AHEAD = 2  # batches that are read before the network asks for them


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """What counts as found, and how pictures enter the network."""

    conf_thres: float = 0.25
    """Least score of a detection."""
    iou_thres: float = 0.45
    """Overlap above which the weaker of two detections of a class is dropped."""
    max_det: int = 300
    """Most detections a picture."""
    classes: tuple[str | int, ...] = ()
    """Names or numbers of the only classes to find; default: all."""
    agnostic: bool = False
    """Let detections of different classes suppress each other."""
    multi_label: bool = True
    """Let a box be found as several classes; else as its best one only."""
    nms: NmsKind = "greedy"
    """Suppression: greedy drops, merge averages, linear and gaussian weaken, diou regards centres."""
    nms_beta: float = 1.0
    """Of --nms diou: smaller spares boxes of distant centres; Darknet's greedynms has 0.6."""
    nms_sigma: float = 0.5
    """Of --nms gaussian: smaller weakens more."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the run's, else the cfg's width."""
    rect: bool = False
    """Input as large as the picture's shape needs, not square: faster, scores differ a little."""
    batch_size: int = 8
    """Pictures, or tiles, at once; streams go one by one."""
    tile: bool = False
    """Cut pictures larger than the network input into overlapping tiles of its size."""
    tile_overlap: float = 0.25
    """Of neighbouring tiles, a part of the side: objects up to this size are whole in some tile."""

    def __post_init__(self) -> None:
        require("--conf-thres", self.conf_thres, 0 <= self.conf_thres < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, 0 < self.iou_thres <= 1, "a number above 0, up to 1")
        require("--max-det", self.max_det, self.max_det >= 1, "1 or more")
        require("--nms-beta", self.nms_beta, self.nms_beta > 0, "a number above 0")
        require("--nms-sigma", self.nms_sigma, self.nms_sigma > 0, "a number above 0")
        require("--img-size", self.img_size, self.img_size is None or self.img_size >= 32, "32 or more")
        require("--batch-size", self.batch_size, self.batch_size >= 1, "1 or more")
        require("--tile-overlap", self.tile_overlap, 0 <= self.tile_overlap <= 0.9, "a number from 0 to 0.9")
        require("--tile", self.tile, not (self.tile and self.rect), "one of --tile and --rect: tiles are square")


class Predictor:
    """Finds objects in pictures, of whatever source.

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
        """Results of every picture, all held in memory with their pixels; for long videos there is `stream`.

        Args:
            source: a path (picture, video, folder, pattern, `.txt` list), a picture in memory (H, W, 3) uint8, BGR as
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

    def results(self, sources: Sequence[PictureSource], settings: PredictSettings) -> Generator[Result, None, None]:
        """Results of opened sources, in order; of several live ones, in turn."""
        detector = self.detector(settings)
        size = input_size(self.model.cfg, settings.img_size or self.img_size, any_multiple=settings.rect)
        live = any(source.live for source in sources)
        if settings.tile:
            pictures = _all_pictures(sources)
            return self._in_tiles(pictures if live else prefetched(pictures, AHEAD), detector, size, settings)
        batches = _batches(_all_pictures(sources), 1 if live else settings.batch_size, self._shape(settings, size))
        return self._in_batches(batches if live else prefetched(batches, AHEAD), detector)

    def detector(self, settings: PredictSettings) -> Detector:
        """What finds objects by these settings."""
        return Detector(
            self.model,
            score_threshold=settings.conf_thres,
            iou_threshold=settings.iou_thres,
            max_detections=settings.max_det,
            multi_label=settings.multi_label,
            class_agnostic=settings.agnostic,
            classes=class_ids(settings.classes, self.names) if settings.classes else None,
            method=NmsMethod(kind=settings.nms, beta=settings.nms_beta, sigma=settings.nms_sigma),
        )

    def _shape(self, settings: PredictSettings, size: int) -> Callable[[Picture], tuple[int, int]]:
        """Width and height of the input for a picture."""
        if not settings.rect:
            return lambda picture: (size, size)
        stride = largest_stride(self.model.cfg)

        def smallest(picture: Picture) -> tuple[int, int]:
            sizes = np.array([picture.image.shape[1::-1]], np.int32)
            width, height = rectangular_sizes(sizes, size, stride)[0].tolist()
            return width, height

        return smallest

    def _in_batches(
        self, batches: Generator[tuple[list[Picture], Batch], None, None], detector: Detector
    ) -> Generator[Result, None, None]:
        with contextlib.closing(batches):
            for pictures, batch in batches:
                for picture, detections in zip(pictures, detector(batch), strict=True):
                    yield Result.of(picture, detections, self.names)

    def _in_tiles(
        self, pictures: Generator[Picture, None, None], detector: Detector, size: int, settings: PredictSettings
    ) -> Generator[Result, None, None]:
        with contextlib.closing(pictures):
            for picture in pictures:
                detections = detect_in_tiles(
                    detector,
                    picture.image,
                    side=size,
                    overlap=settings.tile_overlap,
                    batch_size=settings.batch_size,
                )
                yield Result.of(picture, detections, self.names)


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


def sources_of(source: Source | Sequence[Source]) -> list[PictureSource]:
    """What a user gives to `predict`, opened."""
    several = source if isinstance(source, Sequence) and not isinstance(source, str) else [source]
    found: list[PictureSource] = []
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


def _in_memory(image: npt.NDArray[Any], number: int) -> PictureSource:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataError(f"array {number}: is {image.dtype} of {image.shape}; use uint8 of (height, width, 3), BGR")
    return PictureArray(image, f"image{number}")


def _settings(options: dict[str, Any]) -> PredictSettings:
    known = [field.name for field in fields(PredictSettings)]
    for name in options:
        require("option", name, name in known, f"one of {', '.join(known)}")
    return replace(PredictSettings(), **options)


def _all_pictures(sources: Sequence[PictureSource]) -> Generator[Picture, None, None]:
    """Those of each source in turn, then of all live ones a picture each at a time."""
    for source in sources:
        if not source.live:
            yield from source.pictures()
    with contextlib.ExitStack() as stack:
        live = [stack.enter_context(contextlib.closing(source.pictures())) for source in sources if source.live]
        yield from _in_turn(live)


def _in_turn(live: Sequence[Iterator[Picture]]) -> Iterator[Picture]:
    left = list(live)
    while left:
        for pictures in list(left):
            picture = next(pictures, None)
            if picture is None:
                left.remove(pictures)
            else:
                yield picture


def _batches(
    pictures: Generator[Picture, None, None], batch_size: int, shape: Callable[[Picture], tuple[int, int]]
) -> Generator[tuple[list[Picture], Batch], None, None]:
    """Pictures in a row whose inputs have one shape, with their network input."""
    with contextlib.closing(pictures):
        for size_wh, alike in itertools.groupby(pictures, key=shape):
            while chunk := list(itertools.islice(alike, batch_size)):
                yield chunk, letterboxed([picture.image for picture in chunk], size_wh)
