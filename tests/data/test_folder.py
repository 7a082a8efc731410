from pathlib import Path

import pytest

from yolo.data.folder import atomic_folder


def test_the_folder_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "new" / "set"
    with atomic_folder(out) as folder:
        (folder / "a").write_text("x")
        assert not out.exists()
        assert folder.parent == out.parent
    assert [p.relative_to(out.parent).as_posix() for p in out.parent.rglob("*")] == ["set", "set/a"]


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_folder(tmp_path / "set") as folder:
            (folder / "a").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
