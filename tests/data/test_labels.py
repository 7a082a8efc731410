import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.data.labels import Row, format_yolo, iterate_rows, label_path, read_yolo, split_errors
from yolo.errors import BadRowError, DataError, UnknownClassError

PATH = Path("a.txt")


def parse(lines: Sequence[str], num_classes: int) -> list[Row]:
    """Read rows that have no error."""
    rows, errors = split_errors(iterate_rows(lines, PATH, num_classes))
    assert errors == []
    return rows


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("set/images/a.jpg", "set/labels/a.txt"),
        ("set/JPEGImages/a.png", "set/labels/a.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),  # only the last one
        ("images/set/a.jpg", "labels/set/a.txt"),
        ("set/images/train/a.b.jpg", "set/labels/train/a.b.txt"),  # folders below, points in the name
        ("my-images/images2/a.jpg", "my-images/images2/a.txt"),  # whole names only: beside the image
        ("set/images.jpg", "set/images.txt"),  # the file's own name is no folder
        ("JPEGImages/x/images/y/a.jpg", "JPEGImages/x/labels/y/a.txt"),
    ],
)
def test_label_path(tmp_path: Path, image: str, label: str) -> None:
    (tmp_path / label).parent.mkdir(parents=True)
    (tmp_path / label).touch()
    assert label_path(tmp_path / image) == tmp_path / label


def test_label_path_beside_the_image_is_the_second_choice(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    image = tmp_path / "images" / "a.jpg"
    assert label_path(image) is None
    (tmp_path / "images" / "a.txt").touch()
    assert label_path(image) == tmp_path / "images" / "a.txt"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").touch()
    assert label_path(image) == tmp_path / "labels" / "a.txt"


def test_rows() -> None:
    lines = ["", "1 0.5 .25\t1e-1 0.2 ", "   ", "1 0.5 .25 1e-1 0.2"]  # blanks are skipped, duplicates kept
    assert parse(lines, 2) == [Row(2, 1, 0.5, 0.25, 0.1, 0.2), Row(4, 1, 0.5, 0.25, 0.1, 0.2)]


def test_class_ids_that_were_floats() -> None:
    rows, errors = split_errors(iterate_rows(["1.0 0.5 0.5 0.1 0.1", "2.000000 0.5 0.5 0.1 0.1"], PATH, 3))
    assert ([row.class_id for row in rows], errors) == ([1, 2], [])


def test_polygons_become_the_boxes_around_them(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1 0.1 0.2 0.5 0.2 0.3 0.8\n0 0.5 0.5 0.2 0.2\n0 0 0 1 0 1 1 0 1\n")
    labels, errors = read_yolo(path, 2, 100, 200)
    assert errors == []
    np.testing.assert_allclose(labels.boxes_xyxy, [[10, 40, 50, 160], [40, 80, 60, 120], [0, 0, 100, 200]])
    assert labels.class_ids.tolist() == [1, 0, 0]
    assert labels.polygon_lines == (1, 3)


def test_reading_continues_after_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0 0.5 0.5 0.1\n\n7 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1\n")
    labels, errors = read_yolo(path, 3, 100, 100)
    assert [(type(error), str(error)) for error in errors] == [
        (BadRowError, f"{path}:1: '0 0.5 0.5 0.1': has 4 columns; a row is: class cx cy w h"),
        (UnknownClassError, f"{path}:3: class id 7, but there are 3 classes; use 0..2, or add class names"),
    ]
    assert labels.lines == (4,)


def test_read_gives_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("2 0.5 0.25 0.5 0.5\n0 1 1 0.5 0.5\n")
    labels, _ = read_yolo(path, 3, 200, 100)
    assert labels.boxes_xyxy.tolist() == [[50, 0, 150, 50], [150, 75, 250, 125]]  # not yet clipped
    assert labels.class_ids.tolist() == [2, 0]
    assert labels.lines == (1, 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 0.5 0.5 0.1", "has 4 columns; a row is: class cx cy w h"),
        ("0 0.5 0.5 0.1 0.1 0.9", "has 6 columns"),  # a score
        ("0 0.5 0.5 0.1 0.1 0.9 0.9 0.9", "has 8 columns"),  # a polygon that lacks a number
        ("0 0.5 0.5 0.1 nan 0.9 0.9", "not a finite number"),
        ("0 1e308 0 -1e308 0 0 1", "not a finite number"),
        ("cat 0.5 0.5 0.1 0.1", "'cat': the class id is not an integer; write an integer in 0..2"),
        ("Car 0.00 0 -1.57 614 181 727 284 1.57 1.73 4.15 1.00 1.75 13.22 -1.62", "a row of KITTI, which is not read"),
        ("1.5 0.5 0.5 0.1 0.1", "'1.5': the class id is not an integer"),
        ("inf 0.5 0.5 0.1 0.1", "'inf': the class id is not an integer"),
        ("3 0.5 0.5 0.1 0.1", "class id 3, but there are 3 classes; use 0..2"),
        ("-1 0.5 0.5 0.1 0.1", "class id -1, but"),
        ("0 0.5 0.5 x 0.1", "not a number"),
        ("0 0.5 0.5 nan 0.1", "not a finite number"),
        ("0 0.5 inf 0.1 0.1", "not a finite number"),
        ("0 0.5 0.5 1_0 0.1", "not a number"),  # Python would read 10
    ],
)
def test_bad_rows(row: str, message: str) -> None:
    rows, errors = split_errors(iterate_rows(["0 0.5 0.5 0.1 0.1", row], PATH, 3))
    assert [r.line for r in rows] == [1]
    assert [re.match(f"^a.txt:2: .*{message}", str(error)) is not None for error in errors] == [True]


NEARLY_A_NUMBER = st.one_of(
    st.text(max_size=6), st.floats().map(repr), st.integers().map(str), st.sampled_from(["1e999", "-0", "0x1", "--1"])
)


@given(st.lists(st.lists(NEARLY_A_NUMBER, max_size=8).map(" ".join), max_size=4), st.integers(1, 5))
def test_any_line_gives_a_row_or_an_error(lines: list[str], num_classes: int) -> None:
    rows, errors = split_errors(iterate_rows(lines, PATH, num_classes))
    assert all(str(error).startswith("a.txt:") for error in errors)
    assert len(rows) + len(errors) == sum(bool(line.strip()) for line in lines)
    assert all(0 <= row.class_id < num_classes for row in rows)
    assert all(np.isfinite(row[2:6]).all() for row in rows)


@given(st.binary(max_size=40))
def test_any_bytes_give_labels_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    message = str(path)
    try:
        labels, _ = read_yolo(path, 3, 640, 480)
        assert labels.boxes_xyxy.shape == (len(labels.lines), 4)
    except DataError as error:
        message = str(error)
    assert message.startswith(str(path))


def test_absurd_numbers_do_not_overflow(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0 1e308 0.5 1e308 0.5\n")
    assert read_yolo(path, 1, 640, 480)[0].boxes_xyxy[0].tolist() == [np.inf, 120, np.inf, 360]


@st.composite
def boxes_in_an_image(draw: st.DrawFn) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    width, height = draw(st.integers(1, 9000)), draw(st.integers(1, 9000))
    part = st.floats(0, 1)
    rows = draw(st.lists(st.tuples(part, part, part, part), max_size=4))
    fractions = np.array([(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in rows]).reshape(-1, 4)
    return fractions * [width, height, width, height], (width, height)


@given(boxes_in_an_image())
def test_written_rows_read_back_and_stay_inside(case: tuple[npt.NDArray[np.float64], tuple[int, int]]) -> None:
    boxes_xyxy, (width, height) = case
    text = format_yolo(boxes_xyxy, np.arange(len(boxes_xyxy)), (width, height))
    rows = parse(text.split("\n"), 5)
    assert [row.class_id for row in rows] == list(range(len(boxes_xyxy)))
    for line in text.splitlines():
        cx, cy, w, h = map(Decimal, line.split()[1:])
        corners = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
        assert all(0 <= corner <= 1 for corner in corners)  # as decimals, exactly
    read = np.array([(r.cx - r.w / 2, r.cy - r.h / 2, r.cx + r.w / 2, r.cy + r.h / 2) for r in rows]).reshape(-1, 4)
    np.testing.assert_allclose(read * [width, height, width, height], boxes_xyxy, atol=1e-4)
