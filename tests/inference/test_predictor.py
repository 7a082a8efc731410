from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import yolo
from tests.spots import BLUE, RED, paint, spot_model, write_spot_network
from yolo.boxes.nms import NmsSettings
from yolo.boxes.nms_methods import NmsMethod
from yolo.config.predict_settings import PredictSettings
from yolo.errors import DataError, SettingsError, YoloError
from yolo.inference.predictor import Predictor, find_class_ids
from yolo.inference.results import Result
from yolo.inference.sources.frame import Frame
from yolo.inference.video_writer import VideoWriter

ONE = paint((64, 64), [(8, 16, RED)])
TWO = paint((64, 64), [(0, 0, RED), (24, 40, BLUE)])


@pytest.fixture
def spots() -> Predictor:
    return Predictor(spot_model(), ("red", "blue"))


def rows(result: Result) -> list[tuple[list[float], str]]:
    return sorted(zip(result.boxes_xyxy.tolist(), result.names, strict=True))


def test_load_from_files(tmp_path: Path) -> None:
    cfg, weights, names = write_spot_network(tmp_path)
    found = yolo.load(cfg, weights, names=names).predict(TWO)
    assert rows(found[0]) == [([0, 0, 8, 8], "red"), ([24, 40, 32, 48], "blue")]
    assert yolo.load(str(cfg), str(weights), fuse=False).names == ("class 0", "class 1")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"half": True, "device": "cpu"}, "--half True: use it on a GPU"),
        ({"device": "banana"}, "--device banana: not usable here"),
    ],
)
def test_load_refuses_invalid_options(tmp_path: Path, options: dict[str, object], problem: str) -> None:
    cfg, weights, _ = write_spot_network(tmp_path)
    with pytest.raises(SettingsError, match=problem):
        yolo.load(cfg, weights, **options)  # type: ignore[arg-type]


def test_results_do_not_depend_on_the_kind_of_source(spots: Predictor, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), ONE)
    cv2.imwrite(str(tmp_path / "b.png"), TWO)
    expected = [rows(spots.predict(image)[0]) for image in (ONE, TWO)]
    assert expected[0] == [([8, 16, 16, 24], "red")]
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for source in (tmp_path, str(tmp_path / "*.png"), paths, [ONE, TWO], [ONE, paths[1]]):
        assert [rows(result) for result in spots.predict(source)] == expected  # type: ignore[arg-type]
    assert [rows(result) for result in spots.stream(tmp_path)] == expected
    assert spots.predict(paths[0]).boxes_xyxy.tolist() == [[8, 16, 16, 24]]


def test_video_frame_by_frame(spots: Predictor, tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 64))
    for number in range(6):
        writer.write(paint((64, 64), [(8 * number, 0, RED)]))
    writer.close()
    found = list(spots.stream(tmp_path / "a.mp4", batch_size=4))
    assert [result.frame.number for result in found] == list(range(6))
    assert [result.boxes_xyxy.tolist() for result in found] == [[[8 * n, 0, 8 * n + 8, 8]] for n in range(6)]


def test_predict_options(spots: Predictor) -> None:
    assert spots.predict(TWO, classes=["blue"]).names == ["blue"]
    assert spots.predict(TWO, classes=[0]).names == ["red"]
    assert len(spots.predict(TWO, max_det=1).names) == 1
    many = paint((640, 640), [(40, 40, RED), (320, 328, BLUE)])
    assert len(spots.predict(many).names) == 0  # shrunk to a tenth, they are less than a pixel
    assert rows(spots.predict(many, tile=True)[0]) == [([40, 40, 48, 48], "red"), ([320, 328, 328, 336], "blue")]
    assert rows(spots.predict(many, img_size=640)[0]) == rows(spots.predict(many, tile=True)[0])


def test_detector_has_the_nms_settings_of_the_options(spots: Predictor) -> None:
    settings = PredictSettings(
        conf_thres=0.1,
        iou_thres=0.2,
        max_det=7,
        multi_label=False,
        agnostic=True,
        classes=("blue",),
        nms="gaussian",
        nms_beta=0.3,
        nms_sigma=0.4,
    )
    assert spots.build_detector(settings).nms == NmsSettings(
        score_threshold=0.1,
        iou_threshold=0.2,
        max_detections=7,
        multi_label=False,
        class_agnostic=True,
        classes=[1],
        method=NmsMethod(kind="gaussian", beta=0.3, sigma=0.4),
    )
    assert spots.build_detector(PredictSettings()).nms.classes is None


def test_boxes_are_in_pixels_of_the_image(spots: Predictor) -> None:
    # 128 x 64 lies in a 64 x 64 input at half its size, or in 64 x 32 without bars: a box of one cell is 16 pixels.
    wide = cv2.resize(paint((64, 32), [(8, 16, RED)]), (128, 64), interpolation=cv2.INTER_NEAREST)
    for rect in (False, True):
        assert spots.predict(wide, rect=rect).boxes_xyxy.tolist() == [[16, 32, 32, 48]]


def test_rect_batches_have_one_shape(spots: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, ...]] = []
    forward = spots.model.forward

    def recording_forward(images: torch.Tensor) -> list[torch.Tensor]:
        sizes.append(tuple(images.shape))
        return forward(images)

    monkeypatch.setattr(spots.model, "forward", recording_forward)
    wide = np.zeros((32, 64, 3), np.uint8)
    list(spots.stream([ONE, TWO, wide, wide, wide, ONE], rect=True, batch_size=2))
    assert sizes == [(2, 3, 64, 64), (2, 3, 32, 64), (1, 3, 32, 64), (1, 3, 64, 64)]


class FakeStream:
    """A source of black images with one red spot, of a known length."""

    num_frames = None
    is_stream = True

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self.count = count
        self.closed = False

    def frames(self) -> Iterator[Frame]:
        try:
            for _ in range(self.count):
                yield Frame(ONE, self.name)
        finally:
            self.closed = True


def test_streams_take_turns(spots: Predictor) -> None:
    sources = [FakeStream("a", 3), FakeStream("b", 1)]
    found = spots.results(sources, PredictSettings())  # type: ignore[arg-type]
    assert [result.frame.name for result in found] == ["a", "b", "a", "a"]
    assert all(source.closed for source in sources)


def test_predict_refuses_a_camera(spots: Predictor) -> None:
    with pytest.raises(DataError, match=r"predict\('camera 0'\): has no end; iterate over stream"):
        spots.predict("0")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"conf": 0.5}, r"option conf: use one of .*conf_thres, iou_thres"),
        ({"conf_thres": 1.0}, "--conf-thres 1.0: use a number from 0 to below 1"),
        ({"classes": ["zebra"]}, r"--classes zebra: no such class; use 0\.\.1, or red, blue"),
        ({"tile": True, "rect": True}, "use one of --tile and --rect"),
    ],
)
def test_invalid_options(spots: Predictor, options: dict[str, object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        spots.predict(ONE, **options)


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_arrays_that_are_not_images(spots: Predictor, array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    with pytest.raises(DataError, match=r"array 0: is .* use uint8 of \(height, width, 3\), BGR"):
        spots.predict(array)


def test_pil_images_and_tensors_are_the_same_as_arrays(spots: Predictor) -> None:
    bgr = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    rgb = Image.fromarray(np.ascontiguousarray(bgr[..., ::-1]))
    chw = torch.from_numpy(np.array(rgb)).permute(2, 0, 1)
    sources: list[Any] = [bgr, rgb, rgb.convert("RGBA"), chw, chw.float() / 255, torch.stack([chw, chw])]
    frames = [result.frame for result in spots.predict(sources)]
    assert [frame.name for frame in frames] == [f"image{i}" for i in range(7)]
    assert all(np.array_equal(frame.image, bgr) for frame in frames)
    (grey,) = spots.predict(Image.new("L", (9, 5), 7))
    assert (grey.frame.image == 7).all()
    assert grey.frame.image.shape == (5, 9, 3)


@pytest.mark.parametrize(
    ("tensor", "problem"),
    [
        (torch.zeros(48, 64, 3), r"tensor 0: has the shape \(48, 64, 3\); use \(3, height, width\)"),
        (torch.full((3, 8, 8), 255.0), r"tensor 0: has values in 255..255; use floats in 0..1"),
        (torch.full((3, 8, 8), torch.nan), "has values in nan..nan"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), "tensor 0: is torch.int64; use floats in 0..1, or uint8"),
    ],
)
def test_tensors_that_are_not_images(spots: Predictor, tensor: torch.Tensor, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        spots.predict(tensor)


@pytest.mark.parametrize("source", [None, {"a": 1}, b"bytes", 1.5, True, [None]])
def test_other_types(spots: Predictor, source: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot detect in a \w+: give a path or address, a PIL image, an array"):
        spots.predict(source)


def test_error_in_a_later_image_is_raised_after_the_earlier_results(spots: Predictor, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), ONE)
    (tmp_path / "b.png").write_text("nonsense")
    found = spots.stream(tmp_path, batch_size=1)
    assert rows(next(found)) == [([8, 16, 16, 24], "red")]
    with pytest.raises(YoloError, match=r"b\.png: does not decode as an image"):
        next(found)


def test_find_class_ids() -> None:
    assert find_class_ids(["car", "0", 1, "7"], ["cat", "car", "7"]) == [1, 0, 1, 2]


def test_half_precision_finds_the_same_objects() -> None:
    model = spot_model().to(torch.bfloat16)
    assert Predictor(model, ("red", "blue")).predict(TWO).names == ["red", "blue"]
