"""From an index to network inputs: decodes pictures, fits them to the input, varies them for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from torch.utils.data import Dataset

from yolo.data.mosaic import NUM_TILES, random_mosaic, to_longer_side
from yolo.data.sample import IGNORE, Key, Letterbox, Sample
from yolo.data.transforms import Augment, letterbox, place_boxes, random_affine, recolour_and_flip, stretch
from yolo.errors import DataError, YoloError
from yolo.rng import sample_rng, seeded_globals

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.index import Index


@dataclass(frozen=True, slots=True)
class Item:
    """One network input."""

    image_id: int  # index of the picture in its data set
    sample: Sample  # of the input's size
    letterbox: Letterbox | None  # how the picture lies in the input; None if it was augmented


class DetectionDataset(Dataset["Item | YoloError"]):
    """Network inputs of the pictures of an index, square unless `input_sizes` says otherwise.

    All randomness comes from a `Key` and the seed.
    """

    def __init__(
        self,
        *,
        index: Index,
        size: int,
        augment: Augment | None,
        seed: int,
        fit: Literal["letterbox", "stretch"] = "letterbox",
        input_sizes: npt.NDArray[np.int32] | None = None,
        mosaic_epochs: int | None = None,
    ) -> None:
        """Set the pictures and what becomes of them.

        Args:
            index: the pictures; boxes that it flags as ignored get the class `IGNORE`.
            size: side of the input, pixels.
            augment: how training inputs are varied; None for evaluation.
            seed: of the run, >= 0.
            fit: keep the aspect ratio, with grey bars, or do not; a mosaic keeps it always.
            input_sizes: (M, 2), width and height of each picture's own input; there are no mosaics then.
            mosaic_epochs: how many epochs at the start have mosaics; None: all.
        """
        assert size > 0, size
        assert input_sizes is None or augment is None or augment == augment.without_mosaic(), "mosaics are square"
        self.index = index
        self.size = size
        self.augment = augment
        self.seed = seed
        self.fit = fit
        self.input_sizes = input_sizes
        self.mosaic_epochs = mosaic_epochs

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, key: tuple[int, ...]) -> Item | YoloError:
        """Make the input of a `Key`; a user's mistake is returned, for the loader to raise it outside of the worker."""
        asked = Key(*key)
        augment = self.augment_at(asked.epoch)
        try:
            with seeded_globals(self.seed, *asked):
                return self._plain(asked.picture) if augment is None else self._varied(asked, augment)
        except YoloError as error:
            return error

    def augment_at(self, epoch: int) -> Augment | None:
        """How the inputs of an epoch, from 0, are varied."""
        if self.augment is None or self.mosaic_epochs is None or epoch < self.mosaic_epochs:
            return self.augment
        return self.augment.without_mosaic()

    def input_wh(self, i: int) -> tuple[int, int]:
        """Width and height of picture i's own input."""
        if self.input_sizes is None:
            return self.size, self.size
        return int(self.input_sizes[i, 0]), int(self.input_sizes[i, 1])

    def _plain(self, i: int) -> Item:
        sample, placing = self._fitted(i)
        return Item(i, sample, placing)

    def _varied(self, key: Key, augment: Augment) -> Item:
        rng = sample_rng(self.seed, *key)
        i = key.picture
        if rng.random() < augment.mosaic:
            others = rng.integers(len(self.index), size=NUM_TILES - 1).tolist()
            tiles = [to_longer_side(self._read(tile), self.size) for tile in (i, *others)]
            sample = random_mosaic(tiles, self.size, rng, augment)
        else:
            sample = random_affine(self._fitted(i)[0], rng, augment, self.input_wh(i))
        return Item(i, recolour_and_flip(sample, rng, augment), None)

    def _fitted(self, i: int) -> tuple[Sample, Letterbox]:
        picture = self._read(i)
        fit = letterbox if self.fit == "letterbox" else stretch
        image, placing = fit(picture.image, self.input_wh(i))
        return Sample(image, place_boxes(picture.boxes_xyxy, placing), picture.class_ids), placing

    def _read(self, i: int) -> Sample:
        path = self.index.path(i)
        image = read_picture(path)
        height, width = image.shape[:2]
        if (width, height) != self.index.size(i):
            listed = "x".join(map(str, self.index.size(i)))
            raise DataError(
                f"{path}: is {width}x{height} pixels, but was {listed} when the data set was opened; "
                "start again if it was replaced, else save it anew"
            )
        class_ids = np.where(self.index.ignore(i), IGNORE, self.index.class_ids(i))
        return Sample(image, self.index.boxes_xyxy(i).astype(np.float32), class_ids)


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """Decode a picture as displayed, EXIF rotation applied.

    Returns:
        (H, W, 3), BGR.

    Raises:
        DataError: the file is missing or does not decode.
    """
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread does not open every path on Windows
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); replace it, or take it off the list") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:  # no data at all, or too many pixels
        image = None
    if image is None:
        raise DataError(f"{path}: does not decode as a picture; replace it, or take it off the list")
    return np.asarray(image, np.uint8)
