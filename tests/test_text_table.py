from yolo.text_table import align_columns


def test_the_first_column_is_aligned_to_the_left() -> None:
    assert align_columns([("class", "AP"), ("cat", "0.123"), ("a", "1")]) == [
        "class     AP",
        "cat    0.123",
        "a          1",
    ]


def test_columns_to_the_left_and_no_trailing_spaces() -> None:
    assert align_columns([("1", "name"), ("10", "x"), ("7", "")], left=(1,)) == [" 1  name", "10  x", " 7"]
