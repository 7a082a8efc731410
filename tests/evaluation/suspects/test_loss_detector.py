from __future__ import annotations

import pytest
import torch

from tests.spots import spot_model
from yolo.boxes.nms import NmsSettings
from yolo.config.loss_settings import LossName, LossSettings
from yolo.data.sample import Batch, Letterbox
from yolo.evaluation.suspects.loss_detector import LossDetector
from yolo.inference.detector import Detector
from yolo.losses.registry import build_loss

IMAGES = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([[0, 1, 0.2, 0.3, 0.1, 0.1], [1, 0, 0.7, 0.6, 0.2, 0.2], [1, 1, 0.1, 0.9, 0.1, 0.2]])


@pytest.mark.parametrize("name", ["shape-match", "task-aligned", "darknet"])
def test_each_image_has_the_loss_of_a_batch_of_its_own(name: LossName) -> None:
    model, settings = spot_model(), LossSettings(loss=name)
    detector = LossDetector(Detector(model, NmsSettings(score_threshold=0.1, iou_threshold=0.5)), settings)
    batch = Batch(IMAGES, TARGETS, (7, 3), (Letterbox(1, 1, 0, 0, 64, 64),) * 2)
    assert len(detector(batch.filled(4))) == 4
    loss = build_loss(settings, model)
    with torch.no_grad():
        for number, image_id in enumerate(batch.image_ids):
            own = TARGETS[TARGETS[:, 0] == number].clone()
            own[:, 0] = 0
            terms = loss(model(IMAGES[[number]].float() / 255), own, (64, 64))
            assert detector.losses[image_id] == pytest.approx(float(sum(terms.values())), rel=1e-5)
    assert set(detector.losses) == {7, 3}
