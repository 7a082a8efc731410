from __future__ import annotations

from pathlib import Path

import pytest

from yolo.storage import atomic_folder, atomic_path, find_file, shipped_names


def test_a_path_wins_over_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = find_file("yolov3-tiny", "cfg", ".cfg")
    assert shipped is not None
    assert shipped.name == "yolov3-tiny.cfg"
    own = tmp_path / "yolov3-tiny.cfg"
    own.write_text("mine")
    assert find_file("yolov3-tiny", "cfg", ".cfg") == Path("yolov3-tiny.cfg")
    assert find_file("no-such", "cfg", ".cfg") is None


def test_names_have_no_suffix() -> None:
    assert {"yolov3", "yolov4-tiny", "shapes"} <= set(shipped_names("cfg", ".cfg"))


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_half_way() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("ne")
            raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with atomic_path(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "new" / "set"
    with atomic_folder(out) as folder:
        (folder / "a").write_text("x")
        assert not out.exists()
        assert folder.parent == out.parent
    assert [p.relative_to(out.parent).as_posix() for p in out.parent.rglob("*")] == ["set", "set/a"]


def test_nothing_is_left_of_a_folder_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_folder(tmp_path / "set") as folder:
            (folder / "a").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
