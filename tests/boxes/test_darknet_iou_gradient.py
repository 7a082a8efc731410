from __future__ import annotations

import pytest
import torch

from yolo.boxes.box_ops import IouKind, cxcywh_to_xyxy, elementwise_iou
from yolo.boxes.darknet_iou_gradient import darknet_iou_gradient

TRUTH = torch.tensor([[0.5, 0.5, 0.4, 0.2]], dtype=torch.float64)
NEAR = torch.tensor([[0.6, 0.47, 0.3, 0.3]], dtype=torch.float64)
APART = torch.tensor([[0.1, 0.1, 0.1, 0.1]], dtype=torch.float64)


@pytest.mark.parametrize("kind", ["iou", "giou"])
def test_overlapping_boxes_have_the_true_derivative_with_sizes_doubled(kind: IouKind) -> None:
    pred = NEAR.clone().requires_grad_()
    value = elementwise_iou(cxcywh_to_xyxy(pred), cxcywh_to_xyxy(TRUTH), kind)
    (expected,) = torch.autograd.grad(value.sum(), pred)
    torch.testing.assert_close(darknet_iou_gradient(NEAR, TRUTH, kind), expected * torch.tensor([1, 1, 2, 2]))


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_boxes_apart_are_drawn_together(kind: IouKind) -> None:
    gradient = darknet_iou_gradient(APART, TRUTH, kind)[0]
    assert gradient[0] > 0
    assert gradient[1] > 0


def test_diou_of_a_box_inside_its_truth_is_pulled_by_the_distance_alone() -> None:
    inside = torch.tensor([[0.45, 0.5, 0.1, 0.1]], dtype=torch.float64)
    further = darknet_iou_gradient(inside, TRUTH, "diou") - darknet_iou_gradient(inside, TRUTH, "iou")
    # 2 * 0.05 / (0.4 ** 2 + 0.2 ** 2): the hull is the truth, and no edge moves it
    torch.testing.assert_close(further, torch.tensor([[0.5, 0, 0, 0]], dtype=torch.float64))


def test_ciou_prefers_the_shape_of_the_truth() -> None:
    square = torch.tensor([[0.5, 0.5, 0.2, 0.2]], dtype=torch.float64)
    further = darknet_iou_gradient(square, TRUTH, "ciou") - darknet_iou_gradient(square, TRUTH, "diou")
    assert further[0, 2] > 0 > further[0, 3]
    assert further[0, :2].tolist() == [0, 0]
