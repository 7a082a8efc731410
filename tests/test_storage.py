from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from yolo.errors import SettingsError, StorageError
from yolo.storage import (
    _umask,
    atomic_folder,
    atomic_path,
    cache_folder,
    find_file,
    lock_file,
    remove_temporaries,
    require_absent,
    shipped_names,
)


def test_a_path_takes_precedence_over_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = find_file("yolov3-tiny", "cfg", ".cfg")
    assert shipped is not None
    assert shipped.name == "yolov3-tiny.cfg"
    own = tmp_path / "yolov3-tiny.cfg"
    own.write_text("mine")
    assert find_file("yolov3-tiny", "cfg", ".cfg") == Path("yolov3-tiny.cfg")
    assert find_file("no-such", "cfg", ".cfg") is None


def test_shipped_names_have_no_suffix() -> None:
    assert {"yolov3", "yolov4-tiny", "shapes"} <= set(shipped_names("cfg", ".cfg"))


def test_existing_files_and_folders_are_not_overwritten(tmp_path: Path) -> None:
    require_absent("--out", tmp_path / "new")
    with pytest.raises(SettingsError) as error:
        require_absent("--out", tmp_path)
    assert str(error.value) == f"--out {tmp_path}: already exists; choose another --out, or remove it"
    with pytest.raises(SettingsError, match="choose another --out, or add --force to overwrite it"):
        require_absent("--out", tmp_path, has_force=True)


def test_an_error_leaves_only_the_old_file(tmp_path: Path) -> None:
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


def test_a_locked_file_is_created_and_appended_to(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_file(tmp_path / "new" / "a.txt") as file:
            file.write(b"x")
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"xx"


def test_threads_do_not_change_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        _umask.cache_clear()

        def write(number: int) -> int:
            with atomic_path(tmp_path / str(number)) as temporary:
                temporary.write_text("x")
            return (tmp_path / str(number)).stat().st_mode & 0o777

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(write, range(200))) == {0o640}
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
        _umask.cache_clear()


def count_up(path: Path) -> None:
    for _ in range(300):
        with lock_file(path) as file:
            file.seek(0)
            count = int(file.read() or 0)
            file.truncate(0)
            file.write(b"%d" % (count + 1))


def test_only_one_process_at_a_time_holds_a_lock(tmp_path: Path) -> None:
    processes = [multiprocessing.get_context("spawn").Process(target=count_up, args=(tmp_path / "n",)) for _ in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "n").read_bytes() == b"600"


def test_a_file_that_cannot_be_written_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            StorageError, match=r"file/a.pt: cannot be written: (Not a directory|File exists); choose another"
        ),
        atomic_path(tmp_path / "file" / "a.pt"),
    ):
        pass


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "last.pt") as temporary:
        kept = temporary.with_name(".hidden.pt")
        temporary.write_text("half")
        kept.touch()
        left = tmp_path / temporary.name
        remove_temporaries(tmp_path)
        assert not left.exists()
        temporary.touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden.pt", "last.pt"]


def test_only_their_user_may_enter_the_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    cache_folder("images")
    assert (tmp_path / "home" / "yolo").stat().st_mode & 0o777 == 0o700
