"""`hyp*.txt` files of older PyTorch trainers: one number per line, in a fixed order."""

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
UNUSED = "lrf"  # those trainers ignored it and ended every cosine at 0.05


def read_hyp_txt(path: Path) -> tuple[dict[str, float], dict[str, int]]:
    """Return the settings of a file and the line number of each, without lrf, which had no effect.

    Args:
        path: the file; `#` starts a comment.

    Raises:
        SettingsError: the file does not have one number for each name.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not a text file") from error
    texts = [(number, line.partition("#")[0].split()) for number, line in enumerate(lines, start=1)]
    numbers = [(number, _parse_number(cell, f"{path}:{number}")) for number, cells in texts for cell in cells]
    if len(numbers) != len(ORDER):
        raise SettingsError(f"{path}: {len(numbers)} numbers; use {len(ORDER)}, in this order: {', '.join(ORDER)}")
    named = dict(zip(ORDER, numbers, strict=True))
    logger.info("%s: %s %g is ignored, as in older trainers; set --lrf", path, UNUSED, named.pop(UNUSED)[1])
    return {name: value for name, (_, value) in named.items()}, {name: line for name, (line, _) in named.items()}


def _parse_number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SettingsError(f"{where}: {text!r} is not a number; a .txt recipe has one number per line") from error
