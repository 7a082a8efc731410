from pathlib import Path

import pytest

from yolo.remote.remote_cache import Manifest


@pytest.mark.parametrize("line", [b"true", b"[" * 5000, b"[]", b"[[1], 2, 3, 4]", b'["\\u0000", "t", 1, 2]'])
def test_damaged_lines_are_ignored(line: bytes, tmp_path: Path) -> None:
    (tmp_path / ".fetched").write_bytes(line + b"\n")
    with (tmp_path / ".fetched").open("a+b") as file:
        Manifest(tmp_path, file).remove_others(set())


def test_a_name_that_no_file_can_have_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".fetched").write_bytes(b'["' + b"x" * 300 + b'", "t", 1, 2]\n')
    with (tmp_path / ".fetched").open("a+b") as file:
        Manifest(tmp_path, file).remove_others(set())
