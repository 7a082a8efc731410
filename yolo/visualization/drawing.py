"""Draw boxes and labels on images, and combine images. Knows no data set and no model.

Images are (H, W, 3) uint8, BGR, as OpenCV reads them. Every function returns a new image.
"""

from __future__ import annotations

import colorsys
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np

from yolo.errors import DataError
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Image: TypeAlias = npt.NDArray[np.uint8]

Colour: TypeAlias = "tuple[int, int, int]"  # blue, green, red, 0..255

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
BACKGROUND: Colour = (48, 48, 48)
NO_CLASS: Colour = (160, 160, 160)
MARK: Colour = (0, 0, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


class _Pen(NamedTuple):
    """Line width and text sizes that suit an image."""

    line: int  # pixels
    text_scale: float  # of OpenCV's font
    text_line: int  # pixels
    margin: int  # around text, pixels


def class_colour(class_id: int) -> Colour:
    """Return a BGR colour that differs well from those of neighbouring ids; grey below 0, for no class."""
    if class_id < 0:
        return NO_CLASS
    # Steps of the golden ratio never come back near a recent hue; three strengths keep later rounds apart.
    hue = class_id * _GOLDEN_RATIO % 1
    saturation, value = ((0.85, 1.0), (0.55, 0.95), (0.95, 0.7))[class_id % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw_boxes(
    image_bgr: Image, boxes_xyxy: npt.NDArray[np.floating], labels: Sequence[str], class_ids: Sequence[int]
) -> Image:
    """Draw boxes with their labels; line width and text size suit the size of the image.

    Args:
        image_bgr: the image; it is not changed.
        boxes_xyxy: (N, 4), pixels; may reach outside the image.
        labels: one text per box, "" for none; characters that OpenCV's fonts lack become "?".
        class_ids: one per box, gives the colour.

    Returns:
        A new image. Earlier boxes lie above later ones, and labels above all boxes.
    """
    canvas = image_bgr.copy()
    pen = _pen(canvas)
    height, width = canvas.shape[:2]
    corners = np.rint(np.clip(boxes_xyxy, 0, [width, height, width, height])).astype(int).reshape(-1, 4)
    items = list(zip(corners.tolist(), labels, class_ids, strict=True))[::-1]
    for (left, top, right, bottom), _, class_id in items:
        end = (min(right, width - 1), min(bottom, height - 1))
        cv2.rectangle(canvas, (left, top), end, class_colour(class_id), pen.line)
    for (left, top, _, _), label, class_id in items:
        if label:
            _draw_label(canvas, label, (left, top), class_colour(class_id), pen)
    return canvas


def mark_boxes(image_bgr: Image, boxes_xyxy: npt.NDArray[np.floating], labels: Sequence[str]) -> Image:
    """Draw attention to boxes: a thick red frame with a white edge, and a red label.

    Args:
        image_bgr: the image; it is not changed.
        boxes_xyxy: (N, 4), pixels; may reach outside the image.
        labels: one text per box.
    """
    canvas = image_bgr.copy()
    pen = _pen(canvas)
    corners = np.rint(boxes_xyxy).astype(int).reshape(-1, 4).tolist()
    for (left, top, right, bottom), label in zip(corners, labels, strict=True):
        for colour, width in ((WHITE, 4 * pen.line), (MARK, 2 * pen.line)):
            cv2.rectangle(canvas, (left, top), (right, bottom), colour, width)
        _draw_label(canvas, label, (left, top), MARK, pen)
    return canvas


def grid(images: Sequence[Image], columns: int, cell: tuple[int, int]) -> Image:
    """Arrange images in equal cells, row by row, each shrunk or enlarged to fit.

    Args:
        images: at least one image, of any sizes.
        columns: cells per row.
        cell: width and height of a cell, pixels.

    Returns:
        (rows * cell height, columns * cell width, 3).
    """
    width, height = cell
    rows = math.ceil(len(images) / columns)
    sheet = _blank(columns * width, rows * height)
    for i, image in enumerate(images):
        top, left = i // columns * height, i % columns * width
        sheet[top : top + height, left : left + width] = _fit(image, width, height)
    return sheet


def side_by_side(left: Image, right: Image, titles: tuple[str, str]) -> Image:
    """Put two images next to each other under their titles; the right one is scaled to the height of the left one."""
    height, width = left.shape[:2]
    right_width = max(1, round(right.shape[1] * height / right.shape[0]))
    pen = _pen(left)
    gap = 2 * pen.line
    band = _text_size("Ag", pen)[1] + 2 * pen.margin
    sheet = _blank(width + gap + right_width, band + height)
    sheet[band:, :width] = left
    sheet[band:, width + gap :] = _fit(right, right_width, height)
    for title, start, room in ((titles[0], 0, width), (titles[1], width + gap, right_width)):
        _draw_label(sheet[:band, start : start + room], title, (0, band), BACKGROUND, pen)
    return sheet


def _pen(image: Image) -> _Pen:
    side = (image.shape[0] + image.shape[1]) / 2
    text_scale = max(0.35, side / 1800)
    return _Pen(max(1, round(side / 320)), text_scale, max(1, round(text_scale * 2.2)), max(2, round(side / 300)))


def _draw_label(canvas: Image, label: str, corner: tuple[int, int], colour: Colour, pen: _Pen) -> None:
    """Draw text on a filled background above `corner`, moved and cut so that it stays inside the canvas."""
    width = canvas.shape[1]
    text = _cut(label.encode("ascii", "replace").decode(), width - 2 * pen.margin, pen)
    text_width, text_height = _text_size(text, pen)
    box_width, box_height = text_width + 2 * pen.margin, text_height + 2 * pen.margin
    left = max(0, min(corner[0], width - box_width))
    top = max(0, corner[1] - box_height)
    cv2.rectangle(canvas, (left, top), (left + box_width - 1, top + box_height - 1), colour, cv2.FILLED)
    baseline = cv2.getTextSize(text, _FONT, pen.text_scale, pen.text_line)[1]
    origin = (left + pen.margin, top + pen.margin + text_height - baseline)
    cv2.putText(canvas, text, origin, _FONT, pen.text_scale, _text_colour(colour), pen.text_line, cv2.LINE_AA)


def _text_size(text: str, pen: _Pen) -> tuple[int, int]:
    """Return width and height, including the strokes below the baseline."""
    (width, height), baseline = cv2.getTextSize(text, _FONT, pen.text_scale, pen.text_line)
    return width, height + baseline


def _cut(text: str, room: int, pen: _Pen) -> str:
    while len(text) > 1 and _text_size(text, pen)[0] > room:
        text = text[:-3] + ".." if len(text) > 3 else text[:-1]
    return text


def _text_colour(ground: Colour) -> Colour:
    """Return black or white, whichever is more readable; the weights of the channels are those of ITU-R BT.601."""
    luminance = 0.114 * ground[0] + 0.587 * ground[1] + 0.299 * ground[2]
    return BLACK if luminance > 128 else WHITE


def _fit(image: Image, width: int, height: int) -> Image:
    """Scale an image to fit into (height, width), and centre it."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    cell = _blank(width, height)
    cell[top : top + size[1], left : left + size[0]] = small
    return cell


def _blank(width: int, height: int) -> Image:
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def write_image(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Write an image (H, W, 3), BGR, completely or not at all.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        with atomic_path(path) as temporary:
            if not cv2.imwrite(str(temporary), image):
                raise DataError(f"{path}: cannot be written; is the disk full?")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error
