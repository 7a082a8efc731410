"""Properties of Darknet's losses that need no numbers of the C program."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from yolo.layers import Detection, GaussianYolo, HeadSpec, Region, Yolo
from yolo.losses.darknet.darknet_loss import DarknetLoss

ANCHORS = (16.0, 16.0, 64.0, 64.0)
SIZE = (64, 96)
YOLO = Yolo(classes=3, num=2, anchors=ANCHORS)
GAUSSIAN = GaussianYolo(classes=3, num=2, anchors=ANCHORS)
REGION = Region(classes=3, num=2, anchors=(1.0, 1.0, 4.0, 4.0), softmax=True, bias_match=True, rescore=True)
DETECTION = Detection(classes=3, coords=4, num=2, side=4, sqrt=True, rescore=True)
HEADS = [
    YOLO,
    Yolo(classes=3, num=2, anchors=ANCHORS, iou_loss="ciou", iou_thresh=0.2, objectness_smooth=True, scale_x_y=1.2),
    Yolo(classes=3, num=2, anchors=ANCHORS, iou_loss="giou", new_coords=True, truth_thresh=0.1),
    GAUSSIAN,
    GaussianYolo(classes=3, num=2, anchors=ANCHORS, iou_loss="diou", yolo_point="left_top", objectness_smooth=True),
    REGION,
    DETECTION,
]


def build_raw(head: HeadSpec, num_images: int = 2, seed: int = 0) -> Tensor:
    channels = head.num_channels(head.classes)
    shape = (num_images, channels, 1, 1) if isinstance(head, Detection) else (num_images, channels, 4, 6)
    raw = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    squashed = isinstance(head, Yolo) and head.new_coords
    return (raw.sigmoid() if squashed else raw).requires_grad_()


def compute_terms(
    head: HeadSpec, raw: Tensor, rows: list[list[float]], seen: int = 10**6
) -> tuple[dict[str, float], Tensor]:
    """Return the terms, and the gradient by the raw output."""
    targets = torch.tensor(rows, dtype=raw.dtype).view(-1, 6)
    terms = DarknetLoss([head])([raw], targets, SIZE, images_seen=seen)
    (gradient,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), raw)
    return {name: term.item() for name, term in terms.items()}, gradient


@pytest.mark.parametrize("head", HEADS)
def test_without_boxes_only_objectness_has_a_gradient(head: HeadSpec) -> None:
    terms, gradient = compute_terms(head, build_raw(head), [])
    assert terms["box"] == terms["class"] == 0
    assert terms["objectness"] > 0
    assert gradient.count_nonzero() == head.objectness(build_raw(head)).numel()


@pytest.mark.parametrize("head", HEADS)
def test_crowds_and_boxes_at_edges_give_finite_gradients(head: HeadSpec) -> None:
    generator = torch.Generator().manual_seed(3)
    crowd = torch.rand(500, 4, generator=generator).clamp(min=1e-3).tolist()
    rows = [[i % 2, i % 3, *box] for i, box in enumerate(crowd)]
    rows += [[0, 0, 1.0, 1.0, 0.5, 0.5], [0, 1, 0.0, 0.0, 1e-4, 1.0], [1, 2, 0.5, 0.5, 1.0, 1.0]]
    terms, gradient = compute_terms(head, build_raw(head), rows)
    assert all(math.isfinite(term) for term in terms.values())
    assert gradient.isfinite().all()
    assert gradient.count_nonzero() > 100


@pytest.mark.parametrize("head", HEADS)
def test_gradient_of_a_batch_is_the_mean_over_its_images(head: HeadSpec) -> None:
    rows = [[0, 0, 0.3, 0.4, 0.2, 0.3], [0, 2, 0.32, 0.41, 0.2, 0.3], [1, 1, 0.7, 0.6, 0.6, 0.7]]
    both = build_raw(head)
    _, gradient = compute_terms(head, both, rows)
    for number in range(2):
        single = both[number : number + 1].detach().requires_grad_()
        _, expected = compute_terms(head, single, [[0, *row[1:]] for row in rows if row[0] == number])
        torch.testing.assert_close(gradient[number : number + 1], expected / 2)


@pytest.mark.parametrize("head", HEADS)
def test_ignored_predictions_have_no_gradient(head: HeadSpec) -> None:
    terms, gradient = compute_terms(
        head, build_raw(head), [[0, -1, 0.5, 0.5, 50.0, 50.0], [1, -1, 0.5, 0.5, 50.0, 50.0]]
    )
    assert terms == {"box": 0, "objectness": 0, "class": 0}
    assert gradient.count_nonzero() == 0


@pytest.mark.parametrize("iou_loss", ["mse", "iou", "giou", "diou", "ciou"])
def test_perfect_prediction_has_no_gradient(iou_loss: str) -> None:
    head = Yolo(classes=3, num=2, anchors=ANCHORS, iou_loss=iou_loss)  # type: ignore[arg-type]
    raw = torch.full((1, 16, 4, 6), -50.0, dtype=torch.float64)
    cell = raw[0, :8, 1, 2]  # anchor 0, row 1, column 2
    cell[:4] = torch.tensor([0.0, 0.0, math.log(0.75), math.log(1.5)])
    cell[4], cell[6] = 50.0, 50.0
    terms, gradient = compute_terms(head, raw.requires_grad_(), [[0, 1, 2.5 / 6, 1.5 / 4, 12 / 96, 24 / 64]])
    assert terms["box"] == pytest.approx(0, abs=1e-6)
    assert terms["objectness"] + terms["class"] == pytest.approx(0, abs=1e-12)
    assert gradient[0, 4:8].abs().max() < 1e-12
    # Darknet's IoU derivative by the sizes is one-sided at the ground truth
    num_smooth = 4 if iou_loss == "mse" else 2
    assert gradient[0, :num_smooth].abs().max() < 1e-6


def test_second_box_in_a_cell_changes_only_its_own_class() -> None:
    raw = torch.zeros(1, 16, 4, 6, dtype=torch.float64, requires_grad=True)
    box = [0.3, 0.3, 0.2, 0.2]
    _, gradient = compute_terms(YOLO, raw, [[0, 0, *box], [0, 2, *box]])
    column, row = int(0.3 * 6), int(0.3 * 4)
    assert gradient[0, 5:8, row, column].tolist() == [-0.5, 0.5, -0.5]


def test_rare_classes_weigh_more_up_to_max_delta() -> None:
    head = Yolo(classes=3, num=2, anchors=ANCHORS, counters_per_class=(100, 10, 1), max_delta=20, cls_normalizer=0.5)
    raw = torch.zeros(1, 16, 4, 6, dtype=torch.float64, requires_grad=True)
    column, row = int(0.3 * 6), int(0.3 * 4)
    for class_id, weight in enumerate([1.0, 10.0, 20.0]):
        _, gradient = compute_terms(head, raw, [[0, class_id, 0.3, 0.3, 0.2, 0.2]])
        assert gradient[0, 4, row, column].item() == pytest.approx(-0.5 * weight)
        assert gradient[0, 5 + class_id, row, column].item() == pytest.approx(-0.5 * weight * 0.5)


def test_focal_loss_scales_class_gradients() -> None:
    head = Yolo(classes=3, num=2, anchors=ANCHORS, focal_loss=True)
    raw = torch.zeros(1, 16, 4, 6, dtype=torch.float64, requires_grad=True)
    _, gradient = compute_terms(head, raw, [[0, 1, 0.3, 0.3, 0.2, 0.2]])
    factor = 0.5 * -(1 - 0.5) * (2 * 0.5 * math.log(0.5) + 0.5 - 1)
    expected = [0.5 * factor, -0.5 * factor, 0.5 * factor]
    assert gradient[0, 5:8, int(0.3 * 4), int(0.3 * 6)].tolist() == pytest.approx(expected)


def test_region_draws_boxes_to_anchors_before_12800_images() -> None:
    raw = build_raw(REGION)
    _, early = compute_terms(REGION, raw, [], seen=12797)
    _, late = compute_terms(REGION, raw, [], seen=12798)  # with the two images of the batch: 12800
    boxes = early.view(2, 2, 8, 4, 6)[:, :, 2:4]
    torch.testing.assert_close(boxes, 0.01 * raw.detach().view(2, 2, 8, 4, 6)[:, :, 2:4] / 2)
    assert late.view(2, 2, 8, 4, 6)[:, :, :4].count_nonzero() == 0


def test_tree_trains_the_class_its_ancestors_and_their_siblings(tmp_path: Path) -> None:
    tree = tmp_path / "tiny.tree"  # 0 animal, 1 thing; 2 cat, 3 dog below 0; 4 car, 5 bus below 1
    tree.write_text("animal -1\nthing -1\ncat 0\ndog 0\ncar 1\nbus 1\n")
    head = Region(classes=6, num=1, anchors=(1.0, 1.0), tree=tree)
    raw = torch.zeros(1, 11, 4, 6, dtype=torch.float64, requires_grad=True)
    _, gradient = compute_terms(head, raw, [[0, 3, 0.3, 0.3, 0.2, 0.2]])
    column, row = int(0.3 * 6), int(0.3 * 4)
    assert gradient[0, 5:, row, column].tolist() == [-0.5, 0.5, 0.5, -0.5, 0, 0]


def test_detection_assigns_the_first_box_of_a_cell_to_the_nearest_prediction() -> None:
    raw = torch.zeros(1, 16 * 13, 1, 1, dtype=torch.float64)
    classes, confidences, boxes = (16 * 3, 16 * 2, 16 * 8)
    cell = 2 * 4 + 1
    at = classes + confidences + cell * 8
    raw[0, at : at + 8, 0, 0] = torch.tensor([0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.6, 0.7])
    raw.requires_grad_()
    first = [0, 2, 1.5 / 4, 2.5 / 4, 0.36, 0.49]
    terms, gradient = compute_terms(DETECTION, raw, [first, [0, 0, 1.6 / 4, 2.4 / 4, 0.2, 0.2]])
    flat = gradient.flatten()
    assert flat[cell * 3 : cell * 3 + 3].tolist() == [0, 0, -1]
    assert flat[classes + cell * 2 : classes + cell * 2 + 2].tolist() == pytest.approx([0, -1])  # rescore: IoU 1
    assert terms["box"] == pytest.approx(0, abs=1e-12)
    assert boxes == len(flat) - classes - confidences


def test_forced_assigns_the_second_box_to_small_ground_truth() -> None:
    head = Detection(classes=3, coords=4, num=2, side=4, forced=True)
    for side, best in [(0.2, 1), (0.5, 0)]:
        raw = torch.zeros(1, 16 * 13, 1, 1, dtype=torch.float64, requires_grad=True)
        _, gradient = compute_terms(head, raw, [[0, 2, 0.1, 0.1, side, side]])
        assert gradient.flatten()[48:50].tolist() == [-1.0 if j == best else 0.0 for j in range(2)]


def test_half_precision_outputs_are_computed_in_float32() -> None:
    raw = build_raw(YOLO).detach().half().requires_grad_()
    terms = DarknetLoss([YOLO])([raw], torch.tensor([[0, 1, 0.3, 0.3, 0.2, 0.2]]), SIZE)
    total = torch.stack(list(terms.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    assert total.dtype == torch.float32
    assert raw.grad is not None
    assert raw.grad.dtype == torch.float16


def test_terms_but_not_gradients_are_means_over_heads() -> None:
    raw, targets = build_raw(YOLO), torch.tensor([[0, 1, 0.3, 0.3, 0.2, 0.2]], dtype=torch.float64)
    twin = build_raw(YOLO)
    one = DarknetLoss([YOLO])([raw], targets, SIZE)
    two = DarknetLoss([YOLO, YOLO])([raw, twin], targets, SIZE)
    for name, term in one.items():
        assert two[name].item() == pytest.approx(term.item())
    (one_head,) = torch.autograd.grad(torch.stack(list(one.values())).sum(), raw)
    (two_heads,) = torch.autograd.grad(torch.stack(list(two.values())).sum(), raw)
    torch.testing.assert_close(one_head, two_heads)


@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou", "mse"])
def test_batch_without_boxes_is_fine_for_every_iou_thresh_kind(kind: str) -> None:
    head = Yolo(classes=3, num=2, anchors=ANCHORS, iou_thresh=0.3, iou_thresh_kind=kind)  # type: ignore[arg-type]
    terms, _ = compute_terms(head, build_raw(head), [])
    assert terms["box"] == terms["class"] == 0
    assert terms["objectness"] > 0
