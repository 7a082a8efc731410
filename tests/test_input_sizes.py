from __future__ import annotations

import pytest

from yolo.darknet.cfg import CfgFile
from yolo.errors import SettingsError
from yolo.input_sizes import input_size


@pytest.mark.parametrize(
    ("img_size", "any_multiple", "expected"),
    [
        (None, False, 416),  # the cfg's
        (None, True, 416),
        (160, True, 160),
        (100, False, 100),
    ],
)
def test_input_size(img_size: int | None, any_multiple: bool, expected: int) -> None:
    assert input_size(CfgFile.read("yolov3-tiny"), img_size, any_multiple=any_multiple) == expected


@pytest.mark.parametrize(("img_size", "advice"), [(100, "use 96 or 128"), (433, "use 416 or 448")])
def test_a_size_that_is_no_multiple_of_the_stride(img_size: int, advice: str) -> None:
    with pytest.raises(SettingsError, match=rf"--img-size {img_size}: .* multiple of 32, .*yolov3-tiny.cfg; {advice}"):
        input_size(CfgFile.read("yolov3-tiny"), img_size, any_multiple=True)
