from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from yolo.visualization.figures import add_grid_lines, figure_to_bgr, figure_to_png, new_figure, save_figure


def half_blue() -> Figure:
    """A figure of 200 x 100 px, whose left half is blue and whose right half is white."""
    figure = new_figure(2, 1, dpi=100)
    figure.add_subplot().set_axis_off()  # the layout needs one
    figure.add_artist(Rectangle((0, 0), 0.5, 1, color="blue", transform=figure.transFigure))
    return figure


def assert_half_blue(image_bgr: object) -> None:
    image = np.asarray(image_bgr)
    assert image.shape == (100, 200, 3)
    assert image.dtype == np.uint8
    assert np.all(image[5:95, 5:95] == (255, 0, 0))
    assert np.all(image[:, 105:] == 255)


def test_a_figure_becomes_a_bgr_image() -> None:
    assert_half_blue(figure_to_bgr(half_blue()))


def test_a_figure_becomes_a_png() -> None:
    assert_half_blue(cv2.imdecode(np.frombuffer(figure_to_png(half_blue()), np.uint8), cv2.IMREAD_COLOR))


def test_a_saved_figure_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "more" / "a.png"
    path.parent.mkdir()
    path.write_text("old")
    save_figure(half_blue(), path)
    assert_half_blue(cv2.imread(str(path)))
    assert list(path.parent.iterdir()) == [path]


def test_grid_lines_are_drawn() -> None:
    figure = new_figure(2, 1, dpi=100)
    axes = figure.add_subplot()
    before = figure_to_bgr(figure)
    add_grid_lines(axes)
    assert not np.array_equal(figure_to_bgr(figure), before)
