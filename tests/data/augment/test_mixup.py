import numpy as np

from tests.data.painting import paint
from yolo.data.augment.mixup import mixup
from yolo.data.sample import Sample


def test_shares_add_up_and_boxes_are_those_of_both() -> None:
    first = paint((40, 30), [(0, 0, 20, 30)])
    second = Sample(first.image[:, ::-1].copy(), np.array([[20, 0, 40, 30]], np.float32), np.array([-1]))
    shares = []
    for seed in range(200):
        mixed = mixup(first, second, np.random.default_rng(seed))
        left, right = mixed.image[5, 5].astype(int), mixed.image[5, 35].astype(int)
        assert np.abs(left + right - (0, 0, 250)).max() <= 1
        shares.append(left[2] / 250)
        assert mixed.boxes_xyxy.tolist() == [[0, 0, 20, 30], [20, 0, 40, 30]]
        assert mixed.class_ids.tolist() == [0, -1]
    # Beta(32, 32): mean 0.5, standard deviation 0.062
    assert abs(np.mean(shares) - 0.5) < 0.02
    assert 0.05 < np.std(shares) < 0.075
