"""Network inputs from an index: decode images, fit them to the input, augment them for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from torch.utils.data import Dataset

from yolo.data.augment.pipeline import augmented_sample
from yolo.data.decode import read_indexed_image
from yolo.data.sample import IGNORE, Key, Letterbox, Sample
from yolo.data.transforms import letterbox, place_boxes, resize, resized_wh, stretch
from yolo.errors import YoloError
from yolo.rng import sample_rng, seeded_globals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from yolo.config.augment_settings import AugmentSettings
    from yolo.data.cache.slots import ImageCache
    from yolo.data.index import Index


@dataclass(frozen=True, slots=True)
class Item:
    """One network input."""

    image_id: int  # index of the image in its data set
    sample: Sample  # of the input's size
    letterbox: Letterbox | None  # how the image lies in the input; None if it was augmented


class DetectionDataset(Dataset["Item | YoloError"]):
    """Network inputs of the images of an index, square unless `input_sizes` says otherwise.

    All randomness comes from a `Key` and the seed.
    """

    def __init__(
        self,
        *,
        index: Index,
        size: int,
        augment: AugmentSettings | None,
        seed: int,
        fit: Literal["letterbox", "stretch"] = "letterbox",
        input_sizes: npt.NDArray[np.int32] | None = None,
        mosaic_epochs: int | None = None,
        cache: ImageCache | None = None,
    ) -> None:
        """Set the images and their processing.

        Args:
            index: the images; boxes that it flags as ignored get the class `IGNORE`.
            size: side of the input, pixels.
            augment: augmentation of training inputs; None for evaluation.
            seed: of the run, >= 0.
            fit: letterbox keeps the aspect ratio, with grey bars; mosaics always do.
            input_sizes: (M, 2), width and height of the input of each image; there are no mosaics then.
            mosaic_epochs: number of first epochs that have mosaics; None: all.
            cache: of the same index and size; evaluation does not use it.
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
        self.cache = cache

    def __len__(self) -> int:
        return len(self.index)

    @property
    def item_bytes(self) -> int:
        """Largest number of bytes of an input."""
        return 3 * self.size**2

    def __getitems__(self, keys: Sequence[tuple[int, ...]]) -> list[Item | YoloError]:
        """Return the inputs of a batch; global generators are seeded from its first key meanwhile."""
        if self.augment is None:
            return [self[key] for key in keys]
        with seeded_globals(self.seed, *keys[0]):
            return [self[key] for key in keys]

    def __getitem__(self, key: tuple[int, ...]) -> Item | YoloError:
        """Return the input of a `Key`, or the error of a user: the loader raises it outside of the worker process."""
        request = Key(*key)
        i, size_wh, augment = request.image_id, self.input_wh(request.image_id), self.augment_at(request.epoch)
        try:
            if augment is None:
                return self._evaluation_item(i, size_wh)
            return Item(i, augmented_sample(self, i, size_wh, sample_rng(self.seed, *request), augment), None)
        except YoloError as error:
            return error

    def augment_at(self, epoch: int) -> AugmentSettings | None:
        """Return the augmentation of the inputs of an epoch, counted from 0."""
        if self.augment is None or self.mosaic_epochs is None or epoch < self.mosaic_epochs:
            return self.augment
        return self.augment.without_mosaic()

    def input_wh(self, i: int) -> tuple[int, int]:
        """Return width and height of the input of image i."""
        if self.input_sizes is None:
            return self.size, self.size
        return int(self.input_sizes[i, 0]), int(self.input_sizes[i, 1])

    def resized(self, i: int) -> Sample:
        """Return image i with its longer side resized to `size` pixels; read-only, as the cache may own the pixels."""
        image_wh = self.index.size(i)
        image = self.cache.get(i) if self.cache is not None else None
        if image is None:
            image = self._read_resized(i)
        width, height = resized_wh(image_wh, self.size)
        position = Letterbox(width / image_wh[0], height / image_wh[1], 0, 0, *image_wh)
        return self._sample_in_input(i, image, position)

    def in_input(self, i: int, size_wh: tuple[int, int]) -> Sample:
        """Return image i in a training input, from the resized image if that has the right size."""
        width, height = resized_wh(self.index.size(i), self.size)
        ratio = min(size_wh[0] / width, size_wh[1] / height)
        if self.fit == "stretch" or ratio != 1:
            return self._evaluation_item(i, size_wh).sample
        sample = self.resized(i)
        image, position = letterbox(sample.image, size_wh)
        return Sample(image, place_boxes(sample.boxes_xyxy, position), sample.class_ids)

    def _read_resized(self, i: int) -> npt.NDArray[np.uint8]:
        """Read and resize image i; the other tiles of its file go to the cache, so that the file is decoded once."""
        index, tiles = self.index, self.index.of_same_file(i)
        is_whole = len(tiles) == 1 and index.size(i) == index.image_size(i)
        pixels = read_indexed_image(index.path(i), index.image_size(i), self.size if is_whole else None)
        images = {
            j: resize(pixels if is_whole else index.tile(j).crop(pixels), resized_wh(index.size(j), self.size))
            for j in tiles
            if j == i or self._lacks(j)
        }
        if self.cache is not None:
            for j, image in images.items():
                self.cache.put(j, image)
        return images[i]

    def _lacks(self, i: int) -> bool:
        """True if the cache has a slot for image i, but not yet the image."""
        return self.cache is not None and i < len(self.cache) and self.cache.get(i) is None

    def _evaluation_item(self, i: int, size_wh: tuple[int, int]) -> Item:
        """Return image i in an input without augmentation, decoded at full size."""
        pixels = self.index.tile(i).crop(read_indexed_image(self.index.path(i), self.index.image_size(i)))
        image, position = (letterbox if self.fit == "letterbox" else stretch)(pixels, size_wh)
        return Item(i, self._sample_in_input(i, image, position), position)

    def _sample_in_input(self, i: int, image: npt.NDArray[np.uint8], position: Letterbox) -> Sample:
        class_ids = np.where(self.index.ignore(i), IGNORE, self.index.class_ids(i))
        return Sample(image, place_boxes(self.index.boxes_xyxy(i), position), class_ids)
