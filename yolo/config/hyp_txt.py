"""Positional `hyp*.txt` files of older PyTorch trainers: one number a line, meaning by place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from yolo.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

ORDER = (
    "giou", "cls", "cls_pw", "obj", "obj_pw", "iou_t", "lr0", "lrf", "momentum", "weight_decay", "fl_gamma",
    "hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "shear",
)  # fmt: skip
UNUSED = "lrf"  # those trainers read it and ended every cosine at 0.05


def read_hyp_text(path: Path) -> tuple[dict[str, float], dict[str, int]]:
    """The settings of such a file, and the line of each; lrf, which had no effect, is left out.

    Args:
        path: the file; what follows a `#` is a comment.

    Raises:
        SettingsError: it does not hold one number for each name.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not a text file") from error
    texts = [(number, line.partition("#")[0].split()) for number, line in enumerate(lines, start=1)]
    numbers = [(number, _number(cell, f"{path}:{number}")) for number, cells in texts for cell in cells]
    if len(numbers) != len(ORDER):
        raise SettingsError(f"{path}: {len(numbers)} numbers; use {len(ORDER)}, in this order: {', '.join(ORDER)}")
    named = dict(zip(ORDER, numbers, strict=True))
    logger.info("%s: %s %g is left out, as it was before; set --lrf", path, UNUSED, named.pop(UNUSED)[1])
    return {name: value for name, (_, value) in named.items()}, {name: line for name, (line, _) in named.items()}


def _number(text: str, place: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SettingsError(f"{place}: {text!r} is no number; a .txt recipe has one number a line") from error
