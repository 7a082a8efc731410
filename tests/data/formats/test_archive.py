import zipfile
from pathlib import Path

import pytest

from yolo.data.formats.archive import unpack
from yolo.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def put_zip(path: Path, name: str = "a/b.txt", text: str = "x") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, text)
    return path


def test_unpacked_once_until_it_changes(tmp_path: Path) -> None:
    folder = unpack(put_zip(tmp_path / "my set.zip"))
    assert folder.name == "my set"
    (folder / "a/b.txt").write_text("kept")
    assert unpack(tmp_path / "my set.zip") == folder
    assert (folder / "a/b.txt").read_text() == "kept"
    changed = unpack(put_zip(tmp_path / "my set.zip", text="longer"))
    assert (changed / "a/b.txt").read_text() == "longer"


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    folder = unpack(put_zip(tmp_path / "a.zip", name="../../../../evil.txt"))
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*")] == ["evil.txt"]


@pytest.mark.parametrize("content", [b"text", b""])
def test_no_archive(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a.zip: is not a zip archive that can be read"):
        unpack(tmp_path / "a.zip")
    assert not list((tmp_path / "cache").rglob("*.txt"))


def test_larger_than_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(DataError, match=r"holds 0.0 GB, but only 0.0 GB are free"):
        unpack(put_zip(tmp_path / "a.zip", text="more than ten bytes"))
