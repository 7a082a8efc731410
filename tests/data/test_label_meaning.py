from pathlib import Path

import numpy as np
import pytest

from yolo.data.label_meaning import likely_meaning
from yolo.data.labels import iterate_rows, labels_of, split_errors

SIZE = (200, 100)
# four boxes in pixels of an image of 200 x 100, as corners
BOXES = np.array([[10, 10, 50, 60], [120, 20, 190, 95], [5, 50, 30, 90], [100, 0, 180, 40]], np.float64)
CENTRES = np.concatenate([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], axis=1)
LEFT_TOP = np.concatenate([BOXES[:, :2], BOXES[:, 2:] - BOXES[:, :2]], axis=1)
WHOLE = np.array([200, 100, 200, 100])


def meaning(rows: list[str]) -> tuple[str, list[list[float]]] | None:
    """The likely meaning of the rows of one file, and the boxes read so."""
    path = Path("a.txt")
    read, errors = split_errors(iterate_rows(rows, path, 5))
    assert not errors
    found = likely_meaning([labels_of(read, path, *SIZE)], [SIZE])
    return (found.title, found.boxes_xyxy.round(6).tolist()) if found else None


def written(values: np.ndarray, rest: str = "") -> list[str]:
    return [" ".join(["0", *map(str, row)]) + rest for row in values.tolist()]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        (CENTRES, "centre, width and height in pixels"),
        (BOXES, "corners in pixels"),
        (LEFT_TOP, "left, top, width and height in pixels"),
        (BOXES / WHOLE, "corners in fractions"),
    ],
)
def test_boxes_of_other_units_and_orders(values: np.ndarray, title: str) -> None:
    found = meaning(written(values))
    assert found is not None
    assert found[0].startswith(title)
    assert found[1] == BOXES.tolist()


def test_left_and_top_in_fractions() -> None:
    near_the_corner = np.array([[60, 3, 90, 50], [90, 2, 120, 70], [10, 60, 80, 90], [2, 0, 20, 90]], np.float64)
    values = np.concatenate([near_the_corner[:, :2], near_the_corner[:, 2:] - near_the_corner[:, :2]], axis=1) / WHOLE
    found = meaning(written(values))
    assert found is not None
    assert found == ("left, top, width and height in fractions", near_the_corner.tolist())


def test_fractions_of_centres_are_what_they_say() -> None:
    assert meaning(written(CENTRES / WHOLE)) is None
    assert meaning([]) is None
    assert meaning(["0 0.1 0.1 0.9 0.9"]) is None  # one row tells nothing
    assert meaning(["0 0.5 0.5 1.2 1.2"] * 8) is None  # objects that reach outside on all sides


def test_pixels_of_another_image_are_unknown() -> None:
    found = meaning(written(BOXES * 10))
    assert found is not None
    assert found[0].startswith("coordinates that are no fractions")


@pytest.mark.parametrize("num_points", [1, 2, 5, 17])
@pytest.mark.parametrize("columns", [2, 3])
def test_keypoints(num_points: int, columns: int) -> None:
    rows = []
    for cx, cy, w, h in (CENTRES / WHOLE).tolist():
        xs = np.linspace(cx - w / 2, cx + w / 2, num_points).tolist()
        points = [f"{x:.6f} {cy:.6f}" + (" 2" if columns == 3 else "") for x in xs]
        points[-1] = "0 0" + (" 0" if columns == 3 else "")  # not seen
        rows.append(" ".join(["0", *map(str, (cx, cy, w, h)), *points]))
    found = meaning(rows)
    assert found is not None
    assert found[0].startswith("a box and keypoints")
    assert found[1] == BOXES.tolist()


def test_polygons_stay_polygons() -> None:
    corners = [f"0 {a} {b} {c} {b} {c} {d} {a} {d}" for a, b, c, d in (BOXES / WHOLE).tolist()]
    assert meaning(corners) is None
    found = meaning([f"0 {a} {b} {c} {b} {c} {d} {a} {d}" for a, b, c, d in BOXES.tolist()])
    assert found == ("polygons in pixels", BOXES.tolist())
