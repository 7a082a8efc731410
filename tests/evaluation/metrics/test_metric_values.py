import math

import numpy as np

from yolo.evaluation.metrics.metric_values import mean_without_nan, ratio, to_json


def test_ratio_without_a_whole_has_no_value() -> None:
    assert ratio(1, 4) == 0.25
    assert math.isnan(ratio(0, 0))


def test_mean_leaves_out_nan() -> None:
    assert mean_without_nan(np.array([[1.0, np.nan], [4.0, np.nan]])) == 2.5
    assert math.isnan(mean_without_nan(np.array([np.nan])))


def test_json_keeps_keys_in_order_and_has_no_nan() -> None:
    content = to_json({"num_images": 3, "num_gt": 5, "num_detections": 7, "map50": math.nan, "name": "a"})
    assert list(content.items()) == [("images", 3), ("truths", 5), ("detections", 7), ("map50", None), ("name", "a")]
