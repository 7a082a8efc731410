"""Images resized and the IoU family beside the C Darknet's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou, pairwise_diou
from yolo.boxes.darknet_iou_gradient import darknet_iou_gradient
from yolo.darknet.image_ops import centre_crop, letterbox, resize, resize_shorter

if TYPE_CHECKING:
    from benchmarks.golden_reference import Floats
    from yolo.boxes.box_ops import IouKind


def image_errors(misc: dict[str, Floats]) -> dict[str, float]:
    """Case -> largest difference of a pixel; inf where sizes differ."""
    errors = {}
    for name, stored in misc.items():
        if name.startswith(("src_", "box_")):
            continue
        operation, source, _, target = name.split("_")
        width, height = map(int, target.split("x"))
        image = torch.from_numpy(misc[f"src_{source}"])
        ours = _resized(operation, image, width, height)
        same = tuple(ours.shape) == stored.shape
        errors[name] = float((ours - torch.from_numpy(stored)).abs().max()) if same else float("inf")
    return errors


def _resized(operation: str, image: Tensor, width: int, height: int) -> Tensor:
    if operation == "min":
        return resize_shorter(image, width)
    return {"resize": resize, "letterbox": letterbox, "crop": centre_crop}[operation](image, width, height)


def iou_errors(misc: dict[str, Floats]) -> dict[str, float]:
    """Member of the family -> largest difference over the pairs."""
    pairs, stored = torch.from_numpy(misc["box_pairs"]).double(), torch.from_numpy(misc["box_values"]).double()
    pred, truth = pairs[:, :4], pairs[:, 4:]
    corners = cxcywh_to_xyxy(pred), cxcywh_to_xyxy(truth)
    ours = {
        "iou": (elementwise_iou(*corners, "iou"), 0),
        "giou": (elementwise_iou(*corners, "giou"), 1),
        "diou (power 0.6)": (pairwise_diou(pred, truth, 0.6).diagonal(), 2),
        "ciou": (elementwise_iou(*corners, "ciou"), 3),
        "diounms, beta 0.6": (pairwise_diou(pred, truth, 0.6).diagonal(), 4),
        "diounms, beta 0.9": (pairwise_diou(pred, truth, 0.9).diagonal(), 5),
    }
    errors = {name: float((values - stored[:, column]).abs().max()) for name, (values, column) in ours.items()}
    kinds: tuple[IouKind, ...] = ("iou", "giou", "diou", "ciou")
    parts = 1 + stored[:, 6:].abs().amax(1, keepdim=True)  # of which a derivative may be the small difference
    for number, kind in enumerate(kinds):
        expected = stored[:, 6 + 4 * number : 10 + 4 * number]
        difference = (darknet_iou_gradient(pred, truth, kind) - expected).abs()
        errors[f"derivatives of {kind} (relative)"] = float((difference / parts).max())
    return errors
