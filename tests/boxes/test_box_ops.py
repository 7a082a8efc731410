import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo.boxes.box_ops import (
    IouKind,
    cxcywh_to_xyxy,
    elementwise_iou,
    pairwise_diou,
    pairwise_iou,
    wh_iou,
    xyxy_to_cxcywh,
)

# 40 of the 300 pairs of boxes whose overlaps the C Darknet computed (AlexeyAB/darknet 59596d78, src/box.c, float32).
GOLDEN = Path(__file__).parent / "darknet_box_pairs.npz"
ALL_GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "units" / "misc.npz"
KINDS: tuple[IouKind, ...] = get_args(IouKind)
LOWEST: dict[IouKind, float] = {"iou": 0, "giou": -1, "diou": -1, "ciou": -2}

# Sixteenths are exact in float32.
coordinate = st.integers(0, 1600).map(lambda n: n / 16)
size = st.integers(1, 1600).map(lambda n: n / 16)
boxes = st.builds(lambda x, y, w, h: [x, y, x + w, y + h], coordinate, coordinate, size, size)


def test_format_conversions() -> None:
    corners = torch.tensor([[10.0, 20.0, 30.0, 60.0]])
    assert xyxy_to_cxcywh(corners).tolist() == [[20, 40, 20, 40]]
    assert cxcywh_to_xyxy(torch.tensor([[20.0, 40.0, 20.0, 40.0]])).tolist() == corners.tolist()
    assert cxcywh_to_xyxy(torch.zeros(2, 3, 4)).shape == (2, 3, 4)
    assert xyxy_to_cxcywh(torch.zeros(0, 4)).shape == (0, 4)


def test_pairwise_iou() -> None:
    a = torch.tensor([[0, 0, 10, 10], [5, 5, 5, 5]])
    b = torch.tensor([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [5, 5, 5, 5]])
    # same; half of each: 50 / 150; disjoint; inside but empty. An empty box overlaps nothing, not even itself.
    torch.testing.assert_close(pairwise_iou(a, b), torch.tensor([[1, 1 / 3, 0, 0], [0, 0, 0, 0]]))
    assert pairwise_iou(a[:0], b).shape == (0, 4)
    assert pairwise_iou(a.bfloat16(), b.bfloat16()).dtype == torch.float32


def test_pairwise_diou_raises_the_distance_term_to_beta() -> None:
    boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.25, 0.2, 0.2, 0.2]])
    low, high = (pairwise_diou(boxes[:1], boxes[1:], beta).item() for beta in (0.6, 0.9))
    # IoU 0.6; centres 0.05 apart, enclosing box 0.25 x 0.2
    assert low == pytest.approx(0.6 - (0.0025 / 0.1025) ** 0.6)
    assert high == pytest.approx(0.6 - (0.0025 / 0.1025) ** 0.9)


def test_wh_iou() -> None:
    got = wh_iou(torch.tensor([[10, 20], [0, 0]]), torch.tensor([[10, 20], [20, 10], [5, 20], [0, 0]]))
    # same; 10 x 10 shared of 200 + 200; half; zero size. A size of zero has no overlap.
    torch.testing.assert_close(got, torch.tensor([[1, 100 / 300, 0.5, 0], [0, 0, 0, 0]]))
    assert wh_iou(torch.ones(2, 2, dtype=torch.float64), torch.ones(1, 2)).dtype == torch.float64


@pytest.mark.parametrize(
    ("pred", "gt", "expected"),
    [
        # the same box
        ([0, 0, 10, 10], [0, 0, 10, 10], {"iou": 1, "giou": 1, "diou": 1, "ciou": 1}),
        # shifted by half: 50 / 150; enclosing box 150 = union; centres 5 apart, diagonal 15 x 10; same aspect
        (
            [0, 0, 10, 10],
            [5, 0, 15, 10],
            {"iou": 1 / 3, "giou": 1 / 3, "diou": 1 / 3 - 25 / 325, "ciou": 1 / 3 - 25 / 325},
        ),
        # disjoint: enclosing box 30 x 10, union 200; centres 20 apart
        ([0, 0, 10, 10], [20, 0, 30, 10], {"iou": 0, "giou": -100 / 300, "diou": -400 / 1000, "ciou": -400 / 1000}),
        # far apart on the diagonal: the lowest values
        ([0, 0, 1, 1], [1e4, 1e4, 1e4 + 1, 1e4 + 1], {"iou": 0, "giou": -1, "diou": -1, "ciou": -1}),
        # right < left counts as empty
        ([10, 0, 0, 10], [0, 0, 10, 10], {"iou": 0}),
    ],
)
def test_elementwise_iou_by_hand(pred: list[float], gt: list[float], expected: dict[IouKind, float]) -> None:
    for kind, value in expected.items():
        got = elementwise_iou(torch.tensor([pred]), torch.tensor([gt]), kind)
        assert got.item() == pytest.approx(value, abs=1e-3 if max(gt) > 1e3 else 1e-6), kind


def test_ciou_aspect_term() -> None:
    # Sharing a centre, 10 x 10 in 10 x 20: IoU 1/2, v = (2/pi (atan 1/2 - atan 1))^2, alpha = v / (1 - IoU + v).
    v = (2 / math.pi * (math.atan(0.5) - math.atan(1))) ** 2
    got = elementwise_iou(torch.tensor([[0.0, 5, 10, 15]]), torch.tensor([[0.0, 0, 10, 20]]), "ciou")
    assert got.item() == pytest.approx(0.5 - v * v / (0.5 + v), abs=1e-6)


def test_ciou_gradient_takes_the_aspect_weight_as_constant() -> None:
    pred = torch.tensor([[0.0, 5, 10, 15]], dtype=torch.float64, requires_grad=True)
    gt = torch.tensor([[0.0, 0, 10, 20]], dtype=torch.float64)
    penalty = elementwise_iou(pred, gt, "diou") - elementwise_iou(pred, gt, "ciou")
    (grad,) = torch.autograd.grad(penalty.sum(), pred)
    # d(alpha v)/d bottom = alpha 2 v' d, with d = 2/pi (atan 1/2 - atan w/h) and d atan(w/h)/dh = -w/(w^2 + h^2).
    d = 2 / math.pi * (math.atan(0.5) - math.atan(1))
    alpha = d * d / (0.5 + d * d)
    assert grad[0, 3].item() == pytest.approx(alpha * 2 * d * 2 / math.pi * 10 / 200, rel=1e-9)


@pytest.mark.parametrize("kind", ["iou", "giou", "ciou"])
def test_elementwise_iou_equals_darknet(kind: IouKind) -> None:
    golden = np.load(GOLDEN)
    corners = cxcywh_to_xyxy(torch.from_numpy(golden["pairs_cxcywh"]).view(-1, 2, 4).double())
    # 1e-5: Darknet computes in float32 with -Ofast; the largest difference over all 300 pairs is 4e-6.
    torch.testing.assert_close(
        elementwise_iou(corners[:, 0], corners[:, 1], kind).float(), torch.from_numpy(golden[kind]), atol=1e-5, rtol=0
    )


@pytest.mark.skipif(not ALL_GOLDEN.is_file(), reason="the full set of Darknet's recordings is not available")
def test_elementwise_iou_equals_darknet_on_all_pairs() -> None:
    golden = np.load(ALL_GOLDEN)
    corners = cxcywh_to_xyxy(torch.from_numpy(golden["box_pairs"]).view(-1, 2, 4).double())
    pred, gt, values = corners[:, 0], corners[:, 1], torch.from_numpy(golden["box_values"]).double()
    columns: dict[IouKind, int] = {"iou": 0, "giou": 1, "ciou": 3}
    for kind, column in columns.items():
        torch.testing.assert_close(elementwise_iou(pred, gt, kind), values[:, column], atol=1e-5, rtol=0)
    # Darknet's DIoU is the paper's with the distance term to the power 0.6.
    overlap = elementwise_iou(pred, gt, "iou")
    distance = overlap - elementwise_iou(pred, gt, "diou")
    torch.testing.assert_close(overlap - distance**0.6, values[:, 2], atol=1e-5, rtol=0)


@settings(deadline=None)
@given(st.lists(st.tuples(boxes, boxes), min_size=1, max_size=8))
def test_ranges_and_symmetry(pairs: list[tuple[list[float], list[float]]]) -> None:
    a, b = torch.tensor([p for p, _ in pairs]), torch.tensor([t for _, t in pairs])
    overlap = elementwise_iou(a, b, "iou")
    torch.testing.assert_close(overlap, pairwise_iou(a, b).diagonal(), atol=1e-6, rtol=0)
    for kind, lowest in LOWEST.items():
        value = elementwise_iou(a, b, kind)
        assert value.min() >= lowest - 1e-6
        assert (value <= overlap + 1e-6).all()
        torch.testing.assert_close(value, elementwise_iou(b, a, kind), atol=1e-6, rtol=0)
        torch.testing.assert_close(elementwise_iou(a, a, kind), torch.ones(len(a)), atol=1e-6, rtol=0)


# Not CIoU: its gradient leaves out the weight of the aspect term on purpose, as tested above.
@pytest.mark.parametrize("kind", ["iou", "giou", "diou"])
def test_gradient_equals_finite_differences(kind: IouKind) -> None:
    generator = torch.Generator().manual_seed(0)
    corner, extent = torch.rand(2, 20, 2, generator=generator, dtype=torch.float64)
    pred = torch.cat([corner, corner + extent + 0.1], 1).requires_grad_()
    gt = pred.detach().roll(1, 0)
    assert torch.autograd.gradcheck(lambda x: elementwise_iou(x, gt, kind), (pred,))


DEGENERATE = [
    [0, 0, 0, 0],  # empty, at the origin
    [5, 5, 5, 5],  # empty, elsewhere
    [0, 0, 0, 10],  # no width
    [0, 0, 10, 10],
    [0, 0, 1e-6, 1e-6],
    [1e9, 1e9, 1e9 + 64, 1e9 + 64],  # far
    [-1e9, -1e9, 1e9, 1e9],  # huge
    [10, 10, 0, 0],  # turned inside out
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_values_and_gradients_are_finite_for_degenerate_boxes(kind: IouKind, dtype: torch.dtype) -> None:
    degenerate = torch.tensor(DEGENERATE, dtype=dtype)
    pred = degenerate.repeat_interleave(len(degenerate), 0).requires_grad_()
    gt = degenerate.repeat(len(degenerate), 1).requires_grad_()
    value = elementwise_iou(pred, gt, kind)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert value.isfinite().all()
    assert value.max() <= 1 + 1e-6
    assert value.min() >= LOWEST[kind] - 1e-6
    for grad in torch.autograd.grad(value.sum(), (pred, gt)):
        assert grad.isfinite().all()


def test_elementwise_iou_of_no_pairs() -> None:
    assert elementwise_iou(torch.zeros(0, 4), torch.zeros(0, 4), "ciou").shape == (0,)
