import cv2
import numpy as np
import numpy.typing as npt
import pytest

from yolo.visualization.drawing import (
    BACKGROUND,
    MARK,
    NO_CLASS,
    WHITE,
    class_colour,
    draw_boxes,
    grid,
    mark_boxes,
    side_by_side,
)

Image = npt.NDArray[np.uint8]
GREY = 90


def plain(width: int, height: int, value: int = GREY) -> Image:
    return np.full((height, width, 3), value, np.uint8)


def changed(image: Image) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = np.any(image != GREY, axis=2)
    return mask


def bounds(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is true, the last ones included."""
    ys, xs = np.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def test_colours_of_near_ids_differ() -> None:
    colours = np.array([class_colour(i) for i in range(80)])
    assert ((colours >= 0) & (colours <= 255)).all()
    for step in range(1, 9):
        distance = np.linalg.norm(colours[step:] - colours[:-step], axis=1)
        assert distance.min() > 60, step
    assert len(np.unique(colours, axis=0)) == 80


def test_box_without_label() -> None:
    image = plain(320, 320)
    got = draw_boxes(image, np.array([[50.0, 60.0, 150.0, 200.0]]), [""], [3])
    assert tuple(got[60, 100]) == class_colour(3)
    assert tuple(got[130, 150]) == class_colour(3)
    assert bounds(changed(got)) == (50, 60, 150, 200)
    assert not changed(got)[70:190, 60:140].any()
    assert not changed(image).any()  # the image given is left as it is


def test_marked_box_has_a_red_frame_with_a_white_edge() -> None:
    image = plain(320, 320)
    got = mark_boxes(image, np.array([[50.0, 100.0, 250.0, 200.0]]), ["missing"])
    left, _, right, _ = bounds(changed(got)[140:160, 20:80])
    assert tuple(got[150, 50]) == MARK
    assert tuple(got[150, 20 + left]) == tuple(got[150, 20 + right]) == WHITE
    assert not changed(got)[115:185, 65:235].any()
    assert (got[80:98, 50:100] == MARK).all(axis=-1).sum() > 100  # the label
    assert not changed(image).any()


@pytest.mark.parametrize(("side", "line"), [(320, 1), (560, 2), (1920, 6)])
def test_line_width_suits_the_image(side: int, line: int) -> None:
    got = draw_boxes(plain(side, side), np.array([[50, 50, side - 50, side - 50]]), [""], [0])
    width = np.all(got[side // 2, : side // 2] == class_colour(0), axis=1).sum()
    assert line <= width <= line + 1


@pytest.mark.parametrize(
    ("corner", "dx", "dy"),
    [
        ((100, 100), 0, 0),  # inside: the label stands on the corner
        ((100, 0), 0, 1),  # at the top: moved down into the image
        ((319, 100), 1, 0),  # at the right side: moved left
        ((-40, -40), 0, 1),  # beyond the top left corner
        ((500, 500), 1, 0),  # beyond the bottom right corner
    ],
)
def test_labels_are_moved_into_the_image(corner: tuple[int, int], dx: int, dy: int) -> None:
    def draw(x: int, y: int) -> Image:
        return draw_boxes(plain(320, 240), np.array([[x, y, x, y]]), ["dog 0.93"], [0])

    middle = draw(150, 150)
    left, top, _, bottom = bounds(changed(middle)[:150])
    assert (left, bottom) == (150, 149)
    label = middle[top:150, 150 : bounds(changed(middle)[:150])[2] + 1]
    height, width = label.shape[:2]
    x, y = min(max(corner[0], 0), 320), min(max(corner[1], 0), 240)
    left, top = (320 - width if dx else x), (0 if dy else y - height)
    np.testing.assert_array_equal(draw(*corner)[top : top + height, left : left + width], label)


def test_long_labels_are_cut() -> None:
    long = draw_boxes(plain(320, 240), np.array([[9, 99, 9, 99]]), ["very " * 30], [0])
    left, _, right, _ = bounds(changed(long))
    assert 280 < right - left < 320
    text = np.all(long > 200, axis=2)
    assert text.any()
    # Ground on both sides of the text.
    assert left < bounds(text)[0]
    assert bounds(text)[2] < right


def test_text_is_black_on_light_and_white_on_dark() -> None:
    dark, light = 0, 10  # red and pale yellow
    for class_id, text in [(dark, 255), (light, 0)]:
        got = draw_boxes(plain(320, 320), np.array([[50, 100, 200, 200]]), ["MMMM"], [class_id])
        label = got[80:99, 50:90]
        assert np.any(np.all(np.abs(label.astype(int) - text) < 60, axis=2))
        assert not np.any(np.all(np.abs(label.astype(int) - (255 - text)) < 60, axis=2))


def test_characters_that_the_font_lacks_become_question_marks() -> None:
    boxes = np.array([[50, 100, 200, 200]])
    got = draw_boxes(plain(320, 320), boxes, ["caf\u00e9 \u732b"], [0])
    np.testing.assert_array_equal(got, draw_boxes(plain(320, 320), boxes, ["caf? ?"], [0]))


def test_earlier_boxes_lie_above_later_ones() -> None:
    boxes = np.array([[50, 50, 150, 150], [50, 50, 150, 150]])
    got = draw_boxes(plain(320, 320), boxes, ["", ""], [1, 2])
    assert tuple(got[50, 100]) == class_colour(1)


def test_no_boxes() -> None:
    assert not changed(draw_boxes(plain(64, 48), np.zeros((0, 4)), [], [])).any()


def test_grid() -> None:
    sheet = grid([plain(100, 50, 10), plain(50, 100, 20), plain(40, 40, 30)], columns=2, cell=(80, 60))
    assert sheet.shape == (120, 160, 3)
    # 100 x 50 fits as 80 x 40 at rows 10..49; 50 x 100 as 30 x 60 at columns 25..54 of its cell; the last is empty.
    assert bounds(np.all(sheet == 10, axis=2)) == (0, 10, 79, 49)
    assert bounds(np.all(sheet == 20, axis=2)) == (105, 0, 134, 59)
    assert bounds(np.all(sheet == 30, axis=2)) == (10, 60, 69, 119)
    assert np.all(sheet[60:, 80:] == BACKGROUND)


def test_side_by_side() -> None:
    sheet = side_by_side(plain(320, 240, 10), plain(100, 120, 20), ("truth", "found"))
    left, right = np.all(sheet == 10, axis=2), np.all(sheet == 20, axis=2)
    band = sheet.shape[0] - 240
    assert 10 < band < 40
    assert bounds(left) == (0, band, 319, band + 239)
    start = bounds(right)[0]
    assert bounds(right) == (start, band, start + 199, band + 239)  # 100 x 120 at the height of the left one
    assert start > 320
    titles = np.all(sheet[:band] > 200, axis=2)
    assert titles[:, :320].any()
    assert titles[:, start:].any()


def test_output_can_be_written() -> None:
    assert cv2.imencode(".png", side_by_side(plain(9, 7), plain(8, 8), ("a", "b")))[0]


def test_no_class_is_grey() -> None:
    assert class_colour(-1) == NO_CLASS
    assert NO_CLASS not in [class_colour(i) for i in range(200)]
