from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.programs import call
from yolo.errors import StorageError
from yolo.remote import __main__ as program
from yolo.remote import retry, upload
from yolo.remote.open_store import open_store
from yolo.remote.store import LocalStore
from yolo.remote.upload import Uploader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.remote.faulty import Faults


def stored_files(url: str) -> dict[str, bytes]:
    store = open_store(url)
    return {name: store.read(found.url, 0, found.size) for name, found in store.list_files(url).items()}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "events").mkdir(parents=True)
    for number, name in enumerate(("a.csv", "best.pt", "events/c", ".half")):
        (folder / name).write_text(name)
        os.utime(folder / name, (number, number))
    return folder


def test_new_and_changed_files_are_uploaded(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "far" / "run"
    uploader = Uploader(run, str(copy))
    assert uploader.finish()
    files = ["a.csv", "best.pt", "events", "events/c"]
    assert sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*")) == files
    (copy / "a.csv").write_text("x" * 5)  # same size and time: considered equal
    os.utime(copy / "a.csv", ns=((run / "a.csv").stat().st_mtime_ns,) * 2)
    (run / "best.pt").write_text("longer")
    assert Uploader(run, str(copy)).finish()
    assert [(copy / name).read_text() for name in ("a.csv", "best.pt", "events/c")] == ["xxxxx", "longer", "events/c"]
    assert not (run / ".upload").exists()


def test_an_unreliable_network_only_delays_it(bucket: str, faults: Faults, run: Path) -> None:
    faults.busy, faults.cut_writes = 3, 2
    uploader = Uploader(run, f"{bucket}/runs/1")
    uploader.begin()
    (run / "best.pt").write_bytes(b"newer" * 1000)
    uploader.sync()
    (run / "events" / "c").write_text("grown")
    assert uploader.finish()
    assert faults.counts["failed"] > 2
    faults.busy = faults.cut_writes = 0
    assert stored_files(f"{bucket}/runs/1") == {"a.csv": b"a.csv", "best.pt": b"newer" * 1000, "events/c": b"grown"}


class SlowStore(LocalStore):
    """A store that waits before each write, and records what it writes."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.written: list[tuple[str, str]] = []

    def _put(self, path: Path, url: str) -> None:
        self.begun.release()
        assert self.gate.acquire(timeout=10)
        self.written.append((Path(url).name, path.read_text()))
        super()._put(path, url)


def test_snapshots_are_uploaded(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SlowStore()
    monkeypatch.setattr(upload, "open_store", lambda _: store)
    uploader = Uploader(run, str(tmp_path / "far"))
    uploader.sync()
    assert store.begun.acquire(timeout=10)  # a.csv is being written
    for text in ("second", "third"):  # each replaces the one that waits
        (run / "next").write_text(text)
        (run / "next").replace(run / "best.pt")
        uploader.sync()
    with (run / "a.csv").open("a") as file:  # in place, while the old content is being read
        file.write(" and more")
    uploader.sync()
    store.gate.release(10)
    assert uploader.finish()
    assert store.written == [("a.csv", "a.csv"), ("best.pt", "third"), ("c", "events/c"), ("a.csv", "a.csv and more")]


def test_uploads_continue_after_an_outage(
    bucket: str, faults: Faults, run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upload, "PAUSES_S", (0.01,))
    monkeypatch.setattr(upload, "RETRY_PAUSE_S", 0.05)
    caplog.set_level(logging.INFO, "yolo.remote.upload")
    uploader = Uploader(run, f"{bucket}/run")
    uploader.begin()
    faults.down = True
    (run / "a.csv").write_text("later")
    uploader.sync()
    while not caplog.records:
        threading.Event().wait(0.01)
    faults.down = False
    assert uploader.finish()
    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith("s3://yolo-tests/run/")
    assert first.endswith("the run goes on, and the upload is retried")
    assert last == "s3://yolo-tests/run: can be written again"
    assert stored_files(f"{bucket}/run") == {"a.csv": b"later", "best.pt": b"best.pt", "events/c": b"events/c"}


def test_files_that_cannot_be_uploaded_are_kept_and_named(
    bucket: str, faults: Faults, run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upload, "PAUSES_S", (0.01,))
    faults.down = True
    assert not Uploader(run, f"{bucket}/run").finish()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    message = record.getMessage()
    assert message.startswith(f"3 files of {run} are not in {bucket}/run: a.csv, best.pt, events/c (")
    command = message.rpartition("python -m yolo.remote ")[2]
    assert command == f"{run} {bucket}/run"
    assert {path.name for path in run.rglob("*") if path.is_file()} == {"a.csv", "best.pt", "c", ".half"}
    faults.down = False
    assert call(monkeypatch, program.main, *command.split()) == 0
    assert stored_files(f"{bucket}/run") == {"a.csv": b"a.csv", "best.pt": b"best.pt", "events/c": b"events/c"}
    faults.log.clear()
    assert call(monkeypatch, program.main, *command.split()) == 0
    assert not [line for line in faults.log if line.startswith("PUT")]  # all files are in the store


def test_a_target_that_cannot_be_written_is_reported_at_the_start(
    run: Path, tmp_path: Path, bucket: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/run/a\.csv: cannot be written: "):
        Uploader(run, str(tmp_path / "file" / "run")).begin()
    with pytest.raises(StorageError, match=r"s3://none/run/a\.csv: cannot be written: The specified bucket does not"):
        Uploader(run, "s3://none/run").begin()
    assert bucket
    assert call(monkeypatch, program.main, tmp_path / "no-run", bucket) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'no-run'}: no such folder; give the folder of a run\n"


def test_retries_have_growing_pauses(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    slept: list[float] = []
    monkeypatch.setattr(retry, "sleep", slept.append)

    def attempt(error: Exception, permanent: Sequence[type[Exception]] = ()) -> None:
        def fail() -> None:
            raise error

        retry.with_retries(
            fail, "s3://b/a: cannot be read", errors=(OSError,), is_permanent=lambda e: type(e) in permanent
        )

    with pytest.raises(StorageError, match=r"^s3://b/a: cannot be read, 9 times in a row: slow down$"):
        attempt(OSError("slow down"))
    assert len(slept) == len(retry.PAUSES_S)
    assert all(0.75 * p <= s <= 1.25 * p for p, s in zip(retry.PAUSES_S, slept, strict=True))
    assert len(caplog.records) == 5
    with pytest.raises(StorageError, match=r"^s3://b/a: cannot be read: no such bucket$"):
        attempt(FileNotFoundError("no such bucket"), [FileNotFoundError])
    assert len(slept) == len(retry.PAUSES_S)
    with pytest.raises(KeyError):
        attempt(KeyError("a bug"))
