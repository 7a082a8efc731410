"""TaskAlignedLoss compared with plain arithmetic on single numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from yolo.config.loss_settings import LossSettings
from yolo.layers import Yolo
from yolo.losses.task_aligned_loss import BOX_SCALE, CLASS_SCALE, OBJECTNESS_SCALE, TaskAlignedLoss

HEAD = Yolo(classes=2, num=2, anchors=(16.0, 16.0, 64.0, 64.0))
SETTINGS = LossSettings(giou=2 / BOX_SCALE, obj=3 / OBJECTNESS_SCALE, cls=8 / CLASS_SCALE, iou_t=0.5)
SIZE = (32, 32)
GT = [0, 0, 8 / 32, 24 / 32, 16 / 32, 16 / 32]  # in cell (row 1, column 0), of anchor 0's shape


def compute_terms(raw: Tensor, targets: Tensor, head: Yolo = HEAD, ratio: float = 1.0) -> dict[str, Tensor]:
    return TaskAlignedLoss([head], SETTINGS)([raw], targets, SIZE, objectness_ratio=ratio)


def total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def bce(logit: float, target: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def test_terms_by_hand() -> None:
    raw = torch.zeros(1, 14, 2, 2)  # 2 anchors x (5 + 2), cells of 16 pixels
    raw[0, 4::7] = -3.0  # objectness logits
    raw[0, 5, 1, 0] = 1.0  # the right class, in the assigned cell
    terms = compute_terms(raw, torch.tensor([GT]))
    # sigmoid(0) = .5 of a cell and exp(0) anchors: the prediction is the ground truth, so CIoU and target are 1
    assert terms["box"].item() == pytest.approx(0, abs=1e-5)
    assert terms["objectness"].item() == pytest.approx(3 * (bce(-3, 1) + 7 * bce(-3, 0)), rel=1e-5)
    assert terms["class"].item() == pytest.approx(8 * (bce(1, 1) + bce(0, 0)), rel=1e-5)


@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_objectness_ratio_blends_the_target_with_one(ratio: float) -> None:
    raw = torch.zeros(1, 14, 2, 2)
    raw[0, 2, 1, 0] = math.log(2)  # twice as wide as the ground truth: IoU = .5
    raw[0, 4::7] = -3.0
    v = (2 / math.pi * (math.atan(2) - math.atan(1))) ** 2
    ciou = 0.5 - v * v / (1 - 0.5 + v)
    terms = compute_terms(raw, torch.tensor([GT]), ratio=ratio)
    # the only target, .5, is less than the number of images, 1, by which everything is divided
    assert terms["box"].item() == pytest.approx(2 * 0.5 * (1 - ciou), rel=1e-4)
    expected = 3 * (bce(-3, 1 - ratio + ratio * 0.5) + 7 * bce(-3, 0))
    assert terms["objectness"].item() == pytest.approx(expected, rel=1e-4)


def test_heads_are_summed_and_divided_by_all_targets() -> None:
    coarse = Yolo(classes=2, num=1, anchors=(32.0, 32.0))
    fine = Yolo(classes=2, num=1, anchors=(8.0, 8.0))
    outputs = [torch.zeros(1, 7, 1, 1), torch.zeros(1, 7, 4, 4)]
    small = [[0, 0, (column + 0.5) / 4, 0.125, 0.25, 0.25] for column in range(3)]
    large = [0, 0, 0.5, 0.5, 1, 1]
    terms = TaskAlignedLoss([coarse, fine], SETTINGS)(outputs, torch.tensor([large, *small]), SIZE)
    assert terms["box"].item() == pytest.approx(0, abs=1e-5)  # four exact predictions, each with the target 1
    assert terms["objectness"].item() == pytest.approx(3 * 17 * math.log(2) / 4, rel=1e-5)
    assert terms["class"].item() == pytest.approx(8 * 2 * math.log(2), rel=1e-5)


def test_terms_do_not_depend_on_how_often_the_batch_is_repeated() -> None:
    torch.manual_seed(0)
    raw, targets = torch.randn(2, 14, 4, 4), torch.rand(8, 6)
    targets[:, 0] = torch.arange(8) % 2
    targets[:, 1] = 0
    again = targets.clone()
    again[:, 0] += 2
    once, twice = compute_terms(raw, targets), compute_terms(raw.repeat(2, 1, 1, 1), torch.cat([targets, again]))
    for name, value in once.items():
        assert twice[name].item() == pytest.approx(value.item(), rel=1e-5)


def test_empty_batch_trains_only_objectness() -> None:
    raw = torch.zeros(2, 14, 2, 2, requires_grad=True)
    terms = compute_terms(raw, torch.zeros(0, 6))
    assert terms["box"].item() == terms["class"].item() == 0
    total(terms).backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert (raw.grad.view(2, 2, 7, 2, 2)[:, :, 4] > 0).all()


@pytest.mark.parametrize("scale_x_y", [1.0, 2.0])
def test_gradient_descent_fits_boxes_and_classes(scale_x_y: float) -> None:
    torch.manual_seed(0)
    head = Yolo(classes=2, num=2, anchors=HEAD.anchors, scale_x_y=scale_x_y)
    raw = torch.randn(1, 14, 4, 4, requires_grad=True)
    targets = torch.tensor([[0, 1, 0.3, 0.7, 0.6, 0.4], [0, 0, 0.75, 0.2, 0.4, 0.3]])
    optimizer = torch.optim.Adam([raw], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        total(compute_terms(raw, targets, head)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    boxes, scores = head.decode(raw.detach(), SIZE)
    for class_id, expected in ((1, [0.0, 0.5, 0.6, 0.9]), (0, [0.55, 0.05, 0.95, 0.35])):
        best = scores[0, :, class_id].argmax()
        assert scores[0, best, class_id] > 0.8
        assert (boxes[0, best] - torch.tensor(expected) * 32).abs().max() < 0.5


def test_new_coords_head_has_the_same_terms_for_sigmoid_inputs() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 14, 2, 2, dtype=torch.float64)
    head = Yolo(classes=2, num=2, anchors=HEAD.anchors, new_coords=True)
    targets = torch.tensor([[0, 1, 0.25, 0.75, 0.3, 0.3]], dtype=torch.float64)
    logits.view(1, 2, 7, 2, 2)[:, :, :4] = 0  # exp(0) anchors of width, and 4 * .5 ** 2
    plain, new_coords = compute_terms(logits, targets), compute_terms(logits.sigmoid(), targets, head)
    for name, value in plain.items():
        assert new_coords[name].item() == pytest.approx(value.item(), rel=1e-4)


def test_loss_does_not_depend_on_the_order_of_boxes() -> None:
    torch.manual_seed(0)
    raw, targets = torch.randn(2, 14, 4, 4), torch.rand(40, 6)
    targets[:, :2] = torch.randint(0, 2, (40, 2)).float()
    a, b = compute_terms(raw, targets), compute_terms(raw, targets[torch.randperm(40)])
    assert {name: value.item() for name, value in a.items()} == pytest.approx(
        {name: value.item() for name, value in b.items()}, rel=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_outputs_are_computed_in_float32(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    raw = torch.randn(1, 14, 4, 4).to(dtype)
    targets = torch.tensor([[0, 1, 0.3, 0.7, 0.6, 0.4]])
    terms = compute_terms(raw, targets)
    assert all(term.dtype == torch.float32 for term in terms.values())
    assert total(terms).item() == total(compute_terms(raw.float(), targets)).item()


def test_overflowing_width_has_a_finite_gradient() -> None:
    raw = torch.full((1, 14, 2, 2), 200.0, requires_grad=True)
    total(compute_terms(raw, torch.tensor([GT]))).backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert raw.grad.isfinite().all()


def test_positive_weights_scale_only_their_own_term() -> None:
    raw = torch.zeros(1, 14, 2, 2)
    targets = torch.tensor([GT])
    plain = compute_terms(raw, targets)
    heavy = TaskAlignedLoss([HEAD], replace(SETTINGS, cls_pw=2.0, obj_pw=5.0))
    terms = heavy([raw], targets, SIZE)
    # all logits are 0, so each value is log 2 times its weight: 1 of 8 cells, and 1 of 2 classes, is positive
    assert terms["objectness"].item() == pytest.approx(plain["objectness"].item() * (7 + 5) / 8, rel=1e-5)
    assert terms["class"].item() == pytest.approx(plain["class"].item() * (1 + 2) / 2, rel=1e-5)


def test_ignore_regions_exclude_negatives_but_not_positives() -> None:
    raw = torch.zeros(1, 14, 2, 2)  # anchors of 16 x 16 and 64 x 64 at the centres of four cells of 16 pixels
    raw[0, 4::7] = torch.arange(8.0).view(2, 2, 2)  # objectness logits: anchor 0 has 0..3, anchor 1 has 4..7
    # the left half of the 32 x 32 input contains anchor 0 of cells 0 and 2, and a part of each 64 x 64 box
    region = [0, -1, 0.25, 0.5, 0.5, 1.0]
    terms = compute_terms(raw, torch.tensor([region]))
    assert terms["box"].item() == terms["class"].item() == 0
    counted = (1, 3, 4, 5, 6, 7)
    assert terms["objectness"].item() == pytest.approx(3 * sum(bce(x, 0) for x in counted), rel=1e-5)
    gt = [0, 1, 8 / 32, 8 / 32, 16 / 32, 16 / 32]  # an object in it, cell 0, found exactly
    terms = compute_terms(raw, torch.tensor([gt, region]))
    expected = 3 * (bce(0, 1) + sum(bce(x, 0) for x in counted))
    assert terms["objectness"].item() == pytest.approx(expected, rel=1e-5)


def test_one_class_has_no_class_term() -> None:
    head = Yolo(classes=1, num=1, anchors=(16.0, 16.0))
    raw = torch.zeros(1, 6, 2, 2, requires_grad=True)
    terms = compute_terms(raw, torch.tensor([GT]), head)
    assert terms["class"].item() == 0
    total(terms).backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert not raw.grad[:, 5].any()
