from __future__ import annotations

import pytest

from yolo.config.size_settings import SizeSettings
from yolo.errors import SettingsError
from yolo.model.graph import read_graph
from yolo.model.input_sizes import input_size
from yolo.training.input_schedule import choose_input_sizes


@pytest.mark.parametrize(
    ("img_size", "any_multiple", "expected"),
    [
        (None, False, 416),  # the cfg's
        (None, True, 416),
        (160, True, 160),
        (160, False, 160),
    ],
)
def test_input_size(img_size: int | None, any_multiple: bool, expected: int) -> None:
    assert input_size(read_graph("yolov3-tiny"), img_size, any_multiple=any_multiple) == expected


@pytest.mark.parametrize(("img_size", "advice"), [(100, "use 96 or 128"), (433, "use 416 or 448")])
def test_a_size_that_is_not_a_multiple_of_the_stride_is_an_error(img_size: int, advice: str) -> None:
    with pytest.raises(SettingsError, match=rf"--img-size {img_size}: .* multiple of 32, .*yolov3-tiny.cfg; {advice}"):
        input_size(read_graph("yolov3-tiny"), img_size, any_multiple=True)


def test_a_size_at_which_maps_differ_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"--img-size 100: does not suit .*use a multiple of 32, .*as 96 or 128"):
        input_size(read_graph("yolov3-tiny"), 100, any_multiple=False)


@pytest.mark.parametrize(
    ("img_size", "multi_scale", "train", "multi_scale_range", "test", "text"),
    [
        ((), None, 416, None, 416, "416 px"),
        ((320,), None, 320, None, 320, "320 px"),
        ((320, 640), None, 640, (320, 640), 640, "320-640 px"),
        ((320, 640, 512), None, 640, (320, 640), 512, "320-640 px, validation 512 px"),
        ((320, 640, 512), (), 640, (320, 640), 512, "320-640 px, validation 512 px"),
        ((640, 640, 416), None, 640, None, 416, "640 px, validation 416 px"),
        ((320,), (), 320, (224, 480), 320, "224-480 px"),  # 67 % is 214.4
        ((), (0.5, 1.0), 416, (224, 416), 416, "224-416 px"),
    ],
)
def test_sizes_of_a_run(
    img_size: tuple[int, ...],
    multi_scale: tuple[float, ...] | None,
    train: int,
    multi_scale_range: tuple[int, int] | None,
    test: int,
    text: str,
) -> None:
    chosen = SizeSettings(img_size=img_size, multi_scale=multi_scale, multi_scale_every=3)
    sizes = choose_input_sizes(read_graph("yolov3-tiny"), chosen, rect=False, seed=5)
    assert (sizes.train, sizes.test, str(sizes)) == (train, test, text)
    assert (sizes.multi_scale is None) == (multi_scale_range is None)
    if sizes.multi_scale:
        assert (sizes.multi_scale.smallest, sizes.multi_scale.largest) == multi_scale_range
        assert (sizes.multi_scale.seed, sizes.multi_scale.every, sizes.multi_scale.stride) == (5, 3, 32)


@pytest.mark.parametrize(("img_size", "rect"), [((100, 320), False), ((320, 320, 100), True)])
def test_every_size_must_be_a_multiple_of_the_stride(img_size: tuple[int, ...], rect: bool) -> None:
    with pytest.raises(SettingsError, match=r"--img-size 100: .* multiple of 32"):
        choose_input_sizes(read_graph("yolov3-tiny"), SizeSettings(img_size=img_size), rect=rect, seed=0)
