from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from yolo.data.index import Index, Record
from yolo.data.sample import Shard
from yolo.errors import DataError
from yolo.inference.darknet_loader import DarknetLoader


def write_index(folder: Path, num_images: int = 1) -> Index:
    """Return an index of images of 200 x 50 pixels, red on the left half, black on the right."""
    image = np.zeros((50, 200, 3), np.uint8)
    image[:, :100] = (0, 0, 255)
    empty = (np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, np.bool_))
    records = [Record(folder / f"{number}.png", 200, 50, *empty) for number in range(num_images)]
    for record in records:
        cv2.imwrite(str(record.path), image)
    return Index.from_records(["a", "b"], records)


def test_images_are_rgb_floats_of_the_input_size(tmp_path: Path) -> None:
    (batch,) = DarknetLoader(write_index(tmp_path), (64, 32), "stretch", workers=0)
    assert batch.images.shape == (1, 3, 32, 64)
    assert batch.images[0, :, 0, 0].tolist() == [1, 0, 0]
    assert batch.images[0, :, 0, -1].tolist() == [0, 0, 0]
    (batch,) = DarknetLoader(write_index(tmp_path), (64, 32), "letterbox", workers=0)
    assert batch.images[0, :, 0, 0].tolist() == [0.5] * 3  # a bar: the image covers 64 x 16 of 64 x 32
    assert batch.images[0, :, 16, 0].tolist() == [1, 0, 0]


def test_missing_image(tmp_path: Path) -> None:
    index = write_index(tmp_path)
    (tmp_path / "0.png").unlink()
    with pytest.raises(DataError, match=r"0\.png: cannot be read"):
        list(DarknetLoader(index, (64, 32), "stretch", workers=0))


def test_letterboxes_hold_the_image_size_and_shards_share_the_split(tmp_path: Path) -> None:
    index = write_index(tmp_path, num_images=3)
    loader = DarknetLoader(index, (64, 32), "stretch", workers=0, shard=Shard(rank=1, world_size=2))
    assert len(loader) == 1
    (batch,) = loader
    assert batch.image_ids == (1,)
    assert [(letterbox.width, letterbox.height) for letterbox in batch.letterboxes] == [(200, 50)]
