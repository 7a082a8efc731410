"""AnchorIouLoss compared with plain arithmetic on single numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from yolo.config.loss_settings import LossSettings
from yolo.layers import Yolo
from yolo.losses.anchor_iou_loss import AnchorIouLoss

HEAD = Yolo(classes=2, num=2, anchors=(16.0, 16.0, 64.0, 64.0))
SETTINGS = LossSettings(giou=2.0, obj=3.0, cls=80.0, iou_t=0.5)
SIZE = (32, 32)


def compute_terms(raw: Tensor, targets: Tensor, head: Yolo = HEAD) -> dict[str, Tensor]:
    return AnchorIouLoss([head], SETTINGS)([raw], targets, SIZE)


def bce(logit: float, target: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def test_terms_by_hand() -> None:
    raw = torch.zeros(1, 14, 2, 2)  # 2 anchors x (5 + 2), cells of 16 pixels
    raw[0, 4::7] = -3.0  # objectness logits
    raw[0, 5, 1, 0] = 1.0  # the right class, in the matched cell
    # a 16 x 16 box centred in cell (row 1, column 0); anchor 1 has a shape IoU of 1/16
    targets = torch.tensor([[0, 0, 8 / 32, 24 / 32, 16 / 32, 16 / 32]])
    terms = compute_terms(raw, targets)
    # sigmoid(0) = .5 of a cell and exp(0) anchors: the prediction is the ground truth, so GIoU = 1
    assert terms["box"].item() == pytest.approx(0, abs=1e-5)
    assert terms["objectness"].item() == pytest.approx(3 * (bce(-3, 1) + 7 * bce(-3, 0)) / 8, rel=1e-5)
    assert terms["class"].item() == pytest.approx(80 * 2 / 80 * (bce(1, 1) + bce(0, 0)) / 2, rel=1e-5)


def test_objectness_follows_the_giou_of_the_prediction() -> None:
    raw = torch.zeros(1, 14, 2, 2)
    raw[0, 2, 0, 0] = math.log(2)  # twice as wide as the ground truth: IoU = GIoU = .5
    targets = torch.tensor([[0, 0, 8 / 32, 8 / 32, 16 / 32, 16 / 32]])
    terms = compute_terms(raw, targets)
    assert terms["box"].item() == pytest.approx(2 * 0.5, rel=1e-5)
    assert terms["objectness"].item() == pytest.approx(3 * math.log(2), rel=1e-5)  # logit 0: log 2 whatever the target


@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_objectness_ratio_blends_giou_into_the_target(ratio: float) -> None:
    raw = torch.zeros(1, 14, 2, 2)
    raw[0, 2, 0, 0] = math.log(2)  # GIoU = .5, as above
    raw[0, 4::7] = -3.0
    targets = torch.tensor([[0, 0, 8 / 32, 8 / 32, 16 / 32, 16 / 32]])
    terms = AnchorIouLoss([HEAD], SETTINGS)([raw], targets, SIZE, objectness_ratio=ratio)
    expected = 3 * (bce(-3, 1 - ratio + ratio * 0.5) + 7 * bce(-3, 0)) / 8
    assert terms["objectness"].item() == pytest.approx(expected, rel=1e-5)


def test_empty_batch_trains_only_objectness() -> None:
    raw = torch.zeros(2, 14, 2, 2, requires_grad=True)
    terms = compute_terms(raw, torch.zeros(0, 6))
    assert terms["box"].item() == terms["class"].item() == 0
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert (raw.grad.view(2, 2, 7, 2, 2)[:, :, 4] > 0).all()


def test_gradient_descent_fits_a_box_and_its_class() -> None:
    torch.manual_seed(0)
    raw = torch.randn(1, 14, 2, 2, requires_grad=True)
    targets = torch.tensor([[0, 1, 0.3, 0.7, 0.6, 0.4]])
    optimizer = torch.optim.Adam([raw], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        torch.stack(list(compute_terms(raw, targets).values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    boxes, scores = HEAD.decode(raw.detach(), SIZE)
    best = scores[0].max(dim=1).values.argmax()
    expected = torch.tensor([0.0, 0.5, 0.6, 0.9]) * 32
    assert (boxes[0, best] - expected).abs().max() < 0.5
    assert scores[0, best].argmax() == 1


def test_new_coords_head_has_the_same_class_term_for_sigmoid_inputs() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 14, 2, 2, dtype=torch.float64)
    head = Yolo(classes=2, num=2, anchors=HEAD.anchors, new_coords=True)
    targets = torch.tensor([[0, 1, 0.3, 0.7, 0.6, 0.4]], dtype=torch.float64)
    plain, new_coords = compute_terms(logits, targets), compute_terms(logits.sigmoid(), targets, head)
    assert new_coords["class"].item() == pytest.approx(plain["class"].item(), rel=1e-4)


def test_two_thousand_boxes_in_one_image_weigh_as_their_mean() -> None:
    raw = torch.zeros(1, 14, 2, 2)
    raw[0, 2, 0, 0] = raw[0, 2, 1, 1] = math.log(2)  # twice as wide as the ground truth: GIoU = .5; of class 1, right
    raw[0, 6, 0, 0] = 1.0
    near, far = [0, 1, 8 / 32, 8 / 32, 16 / 32, 16 / 32], [0, 1, 24 / 32, 8 / 32, 16 / 32, 16 / 32]
    terms = compute_terms(raw, torch.tensor([near] * 500 + [far] * 1500))
    assert terms["box"].item() == pytest.approx(2 * 0.5 * 500 / 2000, rel=1e-4)  # the far cell predicts its box exactly
    assert terms["objectness"].item() == pytest.approx(3 * math.log(2), rel=1e-4)  # logit 0: log 2 whatever the target
    near_class, far_class = (bce(1, 1) + bce(0, 0)) / 2, math.log(2)
    assert terms["class"].item() == pytest.approx(2 * (near_class * 500 + far_class * 1500) / 2000, rel=1e-4)


def test_positive_weights_scale_only_their_own_term() -> None:
    raw = torch.zeros(1, 14, 2, 2)
    targets = torch.tensor([[0, 0, 8 / 32, 24 / 32, 16 / 32, 16 / 32]])
    plain = compute_terms(raw, targets)
    heavy = AnchorIouLoss([HEAD], LossSettings(giou=2.0, obj=3.0, cls=80.0, iou_t=0.5, cls_pw=2.0, obj_pw=5.0))
    terms = heavy([raw], targets, SIZE)
    # all logits are 0, so each value is log 2 times its weight: 1 of 8 cells, and 1 of 2 classes, is positive
    assert terms["objectness"].item() == pytest.approx(plain["objectness"].item() * (7 + 5) / 8, rel=1e-5)
    assert terms["class"].item() == pytest.approx(plain["class"].item() * (1 + 2) / 2, rel=1e-5)


def test_predictions_in_an_ignore_region_do_not_count() -> None:
    raw = torch.zeros(1, 14, 2, 2)  # anchors of 16 x 16 and 64 x 64 at the centres of four cells of 16 pixels
    raw[0, 4::7] = torch.arange(8.0).view(2, 2, 2)  # objectness logits: anchor 0 has 0..3, anchor 1 has 4..7
    # the left half of the 32 x 32 input contains anchor 0 of cells 0 and 2, and a part of each 64 x 64 box
    region = torch.tensor([[0, -1, 0.25, 0.5, 0.5, 1.0]])
    terms = compute_terms(raw, region)
    assert terms["box"].item() == terms["class"].item() == 0
    counted = (1, 3, 4, 5, 6, 7)
    expected = 3 * sum(bce(logit, 0) for logit in counted) / len(counted)
    assert terms["objectness"].item() == pytest.approx(expected, rel=1e-5)


def test_positive_in_an_ignore_region_counts() -> None:
    raw = torch.zeros(1, 14, 2, 2)
    raw[0, 4::7] = torch.arange(8.0).view(2, 2, 2)
    gt = [0, 1, 8 / 32, 8 / 32, 16 / 32, 16 / 32]  # cell 0, anchor 0, found exactly
    terms = compute_terms(raw, torch.tensor([gt, [0, -1, 0.25, 0.5, 0.5, 1.0]]))
    expected = 3 * (bce(0, 1) + sum(bce(logit, 0) for logit in (1, 3, 4, 5, 6, 7))) / 7
    assert terms["objectness"].item() == pytest.approx(expected, rel=1e-5)
    assert terms["box"].item() == pytest.approx(0, abs=1e-5)


def test_loss_is_zero_when_every_prediction_is_ignored() -> None:
    raw = torch.zeros(1, 14, 2, 2, requires_grad=True)
    targets = torch.tensor([[0, -1, 0.5, 0.5, 4.0, 4.0]])  # contains every prediction
    terms = compute_terms(raw, targets)
    total = torch.stack(list(terms.values())).sum()
    assert total.item() == 0
    total.backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert not raw.grad.any()


def test_overflowing_width_has_a_finite_gradient() -> None:
    raw = torch.zeros(1, 7, 1, 1)
    raw[0, 2:4] = 100.0  # exp(100) overflows
    raw.requires_grad_()
    head = Yolo(anchors=(32.0, 32.0), num=1, mask=(0,), classes=2)
    loss = AnchorIouLoss([head], LossSettings())
    terms = loss([raw], torch.tensor([[0, 0, 0.5, 0.5, 1.0, 1.0]]), (32, 32))
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert raw.grad.isfinite().all()
