from pathlib import Path

import pytest

from tests.data.formats.images import put_text
from yolo.dataset_tools.duplicates import group_identical
from yolo.errors import DataError


def test_groups(tmp_path: Path) -> None:
    texts = ["one", "two", "one", "three", "two", "one", "six"]  # of one size and of others
    paths = [put_text(tmp_path / str(i), text) for i, text in enumerate(texts)]
    assert group_identical(paths) == [[0, 2, 5], [1, 4], [3], [6]]


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="a: cannot be read"):
        group_identical([tmp_path / "a", tmp_path / "b"])
