from __future__ import annotations

import pytest
import torch

from yolo.boxes.box_ops import IouKind, cxcywh_to_xyxy, elementwise_iou
from yolo.boxes.darknet_iou_gradient import darknet_iou_gradient

GT = torch.tensor([[0.5, 0.5, 0.4, 0.2]], dtype=torch.float64)
NEAR = torch.tensor([[0.6, 0.47, 0.3, 0.3]], dtype=torch.float64)
DISJOINT = torch.tensor([[0.1, 0.1, 0.1, 0.1]], dtype=torch.float64)


@pytest.mark.parametrize("kind", ["iou", "giou"])
def test_gradient_of_overlapping_boxes_is_the_derivative_with_sizes_doubled(kind: IouKind) -> None:
    pred = NEAR.clone().requires_grad_()
    value = elementwise_iou(cxcywh_to_xyxy(pred), cxcywh_to_xyxy(GT), kind)
    (expected,) = torch.autograd.grad(value.sum(), pred)
    torch.testing.assert_close(darknet_iou_gradient(NEAR, GT, kind), expected * torch.tensor([1, 1, 2, 2]))


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_gradient_of_disjoint_boxes_points_to_the_ground_truth(kind: IouKind) -> None:
    gradient = darknet_iou_gradient(DISJOINT, GT, kind)[0]
    assert gradient[0] > 0
    assert gradient[1] > 0


def test_diou_gradient_inside_the_ground_truth_adds_only_the_distance_term() -> None:
    inside = torch.tensor([[0.45, 0.5, 0.1, 0.1]], dtype=torch.float64)
    difference = darknet_iou_gradient(inside, GT, "diou") - darknet_iou_gradient(inside, GT, "iou")
    # 2 * 0.05 / (0.4 ** 2 + 0.2 ** 2): the enclosing box is the ground truth, and no edge moves it
    torch.testing.assert_close(difference, torch.tensor([[0.5, 0, 0, 0]], dtype=torch.float64))


def test_ciou_gradient_points_to_the_aspect_ratio_of_the_ground_truth() -> None:
    square = torch.tensor([[0.5, 0.5, 0.2, 0.2]], dtype=torch.float64)
    difference = darknet_iou_gradient(square, GT, "ciou") - darknet_iou_gradient(square, GT, "diou")
    assert difference[0, 2] > 0 > difference[0, 3]
    assert difference[0, :2].tolist() == [0, 0]
