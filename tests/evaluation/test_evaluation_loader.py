from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data.painting import index_of, paint
from yolo.data.sample import Shard
from yolo.evaluation.evaluation_loader import build_evaluation_loader


@pytest.mark.parametrize(
    ("shard", "expected"),
    [
        (Shard(0, 1), [(0, 1), (2, 3), (4,)]),
        (Shard(0, 2), [(0, 2), (4,)]),
        (Shard(1, 2), [(1, 3)]),
    ],
)
def test_every_image_is_loaded_once_and_in_order(tmp_path: Path, shard: Shard, expected: list[tuple[int, ...]]) -> None:
    index = index_of(tmp_path, [paint((64, 32), [(4, 4, 20, 20)])] * 5)
    loader = build_evaluation_loader(index, size=64, batch_size=2, workers=0, device=torch.device("cpu"), shard=shard)
    for _ in range(2):
        batches = list(loader)
        assert [batch.image_ids for batch in batches] == expected
    # Letterboxed and not augmented: the painted rows are in the middle of the input.
    image = batches[0].images[0].numpy()
    assert image.shape == (3, 64, 64)
    rows = np.nonzero((image[0] > 200) & (image[1] < 50))[0]
    assert (rows.min(), rows.max()) == (20, 35)


def test_stretched_images_fill_the_input(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((64, 32), [(0, 0, 64, 32)])])
    loader = build_evaluation_loader(index, size=64, workers=0, device=torch.device("cpu"), fit="stretch")
    (batch,) = loader
    assert (batch.images[0, 0] == 250).all()  # red everywhere


def test_images_of_equal_input_size_share_batches(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint(size_wh, [(0, 0, 8, 8)]) for size_wh in ((64, 32), (32, 64), (64, 32))])
    loader = build_evaluation_loader(
        index,
        size=64,
        batch_size=2,
        workers=0,
        device=torch.device("cpu"),
        input_sizes=np.array([(64, 32), (32, 64), (64, 32)], np.int32),
    )
    assert sorted((batch.image_ids, tuple(batch.images.shape[2:])) for batch in loader) == [
        ((0, 2), (32, 64)),
        ((1,), (64, 32)),
    ]
