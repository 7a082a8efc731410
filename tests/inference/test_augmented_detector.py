from __future__ import annotations

import torch
from torch import Tensor, nn

from yolo.boxes.detections import Predictions
from yolo.boxes.nms import NmsSettings
from yolo.data.sample import Batch, Letterbox
from yolo.inference.augmented_detector import AugmentedDetector, View
from yolo.inference.detector import Detector

STRIDE = 32


class BrightSpot(nn.Module):
    """Predict one box around all bright pixels of an image, with score 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.sizes: list[tuple[int, int]] = []

    def forward(self, images: Tensor) -> list[Tensor]:
        self.sizes.append((images.shape[2], images.shape[3]))
        return [images]

    def decode(self, outputs: list[Tensor], image_size: tuple[int, int]) -> Predictions:
        assert tuple(outputs[0].shape[2:]) == image_size
        boxes = []
        for image in outputs[0]:
            rows, columns = (image[0] > 0.9).nonzero(as_tuple=True)
            boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        return Predictions(torch.tensor(boxes).float()[:, None], torch.full((len(boxes), 1, 1), 0.5))


def spot_batch() -> Batch:
    images = torch.zeros(1, 3, 64, 96, dtype=torch.uint8)
    images[:, :, 8:24, 16:48] = 255
    letterbox = Letterbox(0.5, 0.5, 0, 0, 192, 128)  # the image is twice as large
    return Batch(images, torch.zeros(0, 6), (0,), (letterbox,))


def detect(*views: View) -> tuple[list[list[float]], list[tuple[int, int]]]:
    model = BrightSpot()
    detector = Detector(model, NmsSettings(score_threshold=0.1, iou_threshold=0.6))  # type: ignore[arg-type]
    (found,) = AugmentedDetector(detector, STRIDE, views)(spot_batch())
    return found.xyxy.tolist(), model.sizes


def test_boxes_of_each_view_are_in_pixels_of_the_image() -> None:
    expected = [[32.0, 16.0, 96.0, 48.0]]
    assert detect(View(1)) == (expected, [(64, 96)])
    assert detect(View(1, flip=True)) == (expected, [(64, 96)])
    assert detect(View(2, flip=True))[1] == [(128, 192)]
    torch.testing.assert_close(detect(View(2))[0], expected, atol=2.0, rtol=0)


def test_views_are_padded_to_a_multiple_of_the_stride() -> None:
    boxes, sizes = detect(View(0.75))  # 48 x 72
    assert sizes == [(64, 96)]
    torch.testing.assert_close(boxes, [[32.0, 16.0, 96.0, 48.0]], atol=4.0, rtol=0)


def test_object_in_two_views_is_found_once() -> None:
    boxes, sizes = detect(View(1), View(1, flip=True))
    assert len(sizes) == 2
    assert boxes == [[32, 16, 96, 48]]


def test_nms_settings_of_the_detector_are_used() -> None:
    nms = NmsSettings(score_threshold=0.6, iou_threshold=0.6)  # the score is 0.5
    detector = Detector(BrightSpot(), nms)  # type: ignore[arg-type]
    (found,) = AugmentedDetector(detector, STRIDE)(spot_batch())
    assert len(found) == 0
