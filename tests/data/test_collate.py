from collections.abc import Sequence

import numpy as np
import torch

from yolo.data.collate import collate
from yolo.data.dataset import Item
from yolo.data.sample import Batch, Letterbox, Sample
from yolo.errors import DataError

PLACING = Letterbox(1, 1, 0, 0, 8, 4)


def item(
    image_id: int,
    boxes: Sequence[tuple[int, int, int, int]] = (),
    letterbox: Letterbox | None = PLACING,
    colour: tuple[int, int, int] = (1, 2, 3),
) -> Item:
    image = np.empty((4, 8, 3), np.uint8)
    image[:] = colour
    boxes_xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Item(image_id, Sample(image, boxes_xyxy, np.arange(len(boxes_xyxy), dtype=np.int64) + 5), letterbox)


def batch(*items: Item) -> Batch:
    joined = collate(items)
    assert isinstance(joined, Batch)
    return joined


def test_images_are_rgb_planes() -> None:
    images = batch(item(0), item(1, colour=(10, 20, 30))).images
    assert images.shape == (2, 3, 4, 8)
    assert images.dtype == torch.uint8
    assert images.is_contiguous()
    assert images[:, :, 2, 3].tolist() == [[3, 2, 1], [30, 20, 10]]


def test_rows_and_columns_stay() -> None:
    one = item(0)
    one.sample.image[1, 6] = (7, 8, 9)
    images = batch(one).images
    assert (images == 9).nonzero().tolist() == [[0, 0, 1, 6]]


def test_targets_are_fractions_with_the_number_of_the_image() -> None:
    joined = batch(item(7, [(0, 0, 4, 4), (2, 1, 8, 2)]), item(3), item(9, [(0, 0, 8, 4)]))
    assert joined.targets.dtype == torch.float32
    assert joined.targets.tolist() == [
        [0, 5, 0.25, 0.5, 0.5, 1.0],
        [0, 6, 0.625, 0.375, 0.75, 0.25],
        [2, 5, 0.5, 0.5, 1.0, 1.0],
    ]
    assert joined.image_ids == (7, 3, 9)
    assert joined.letterboxes == (PLACING,) * 3


def test_no_boxes_and_no_letterboxes() -> None:
    joined = batch(item(0, letterbox=None), item(1, letterbox=None))
    assert joined.targets.shape == (0, 6)
    assert joined.letterboxes == ()


def test_a_thousand_boxes() -> None:
    assert len(batch(item(0, [(0, 0, 1, 1)] * 1000), item(1)).targets) == 1000


def test_the_first_error_is_handed_on() -> None:
    first, second = DataError("a.jpg: broken"), DataError("b.jpg: broken")
    assert collate([item(0), first, second]) is first
