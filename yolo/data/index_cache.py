"""Indices that were read once, kept on disk: reading 100,000 label files again takes minutes, looking at them does not.

An entry holds the index, what was said about it, and a stamp (size and times) of every file and folder that it came
from, also of those that were looked for and not found. It counts as long as all stamps are the same, so that an edited,
added or removed file is always seen. An entry is written whole or not at all, and a damaged one is as good as none.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.data.index import Index
from yolo.errors import StorageError
from yolo.log import progress
from yolo.storage import atomic_path, cache_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_log = logging.getLogger(__name__)

VERSION = 3  # of an entry's content and of how labels are read; a change makes old entries count no more
SETTLED_NS = 2 * 10**9  # a file changed later than this before it was read may change again without a newer time
UNUSED_S = 60 * 86400  # entries that nobody used for so long are removed
CHUNK = 4096  # paths that a thread looks at in one go
DIGEST_BYTES = 32
MISSING = (-1, -1, -1)


@dataclass(frozen=True, slots=True)
class Reading:
    """A split as it was read."""

    index: Index
    messages: tuple[tuple[int, str], ...]  # logging level and text of what is to be said about it


@dataclass(frozen=True, slots=True)
class Trace:
    """The files that a reading came from.

    Axes: K files and folders.
    """

    paths: tuple[str, ...]
    stamps: npt.NDArray[np.int64]  # (K, 3): size in bytes, time of the last change of content and of any change, ns

    @classmethod
    def take(cls, paths: Sequence[str]) -> Trace:
        """Look at files and folders as they are now."""
        return cls(tuple(paths), stamp(paths))

    def join(self, other: Trace) -> Trace:
        return Trace(self.paths + other.paths, np.concatenate([self.stamps, other.stamps]))


def entry_path(*key: str) -> Path:
    """The file of the entry that these texts name."""
    text = "\0".join([str(VERSION), *key])
    return cache_folder("index") / f"{hashlib.blake2b(os.fsencode(text), digest_size=16).hexdigest()}.npz"


def load(entry: Path) -> Reading | None:
    """The reading of an entry, or None if there is none, if it is damaged, or if a file changed since."""
    try:
        content = entry.read_bytes()
    except OSError:
        return None
    if _digest(content[:-DIGEST_BYTES]) != content[-DIGEST_BYTES:]:
        _log.debug("%s: is damaged; the data set is read again", entry)
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        paths = os.fsdecode(arrays["trace_paths"].tobytes()).split("\0")
        if not np.array_equal(stamp(paths), arrays["trace_stamps"]):
            return None
        meta = json.loads(arrays["meta"].tobytes())
        flat = {f.name: arrays[f.name] for f in fields(Index) if f.name != "names"}
    with suppress(OSError):
        os.utime(entry)
    return Reading(Index(tuple(meta["names"]), **flat), tuple((level, text) for level, text in meta["messages"]))


def store(entry: Path, reading: Reading, trace: Trace, opened_ns: int) -> None:
    """Keep a reading, unless a file changed so shortly before the data set was opened that its time tells nothing.

    A cache that cannot be written is no error.

    Args:
        entry: its file.
        reading: what to keep.
        trace: of all files and folders that it came from, taken before they were read.
        opened_ns: when the data set was opened, before any of its files was read, ns since the epoch.
    """
    if trace.stamps[:, 1:].max(initial=0) > opened_ns - SETTLED_NS:
        return
    arrays: dict[str, Any] = {f.name: getattr(reading.index, f.name) for f in fields(Index) if f.name != "names"}
    meta = json.dumps({"names": reading.index.names, "messages": reading.messages})
    arrays["meta"] = np.frombuffer(meta.encode(), np.uint8)
    arrays["trace_paths"] = np.frombuffer(os.fsencode("\0".join(trace.paths)), np.uint8)
    arrays["trace_stamps"] = trace.stamps
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    try:
        with atomic_path(entry) as temporary, temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.write(_digest(buffer.getbuffer()))
        _remove_unused(entry.parent)
    except (OSError, StorageError) as error:
        _log.info("%s: cannot be written (%s): the data set is read again each time", entry, error)


def stamp(paths: Sequence[str]) -> npt.NDArray[np.int64]:
    """(K, 3), int64: size, and times of the last change of content and of any change, ns; -1 where nothing is."""
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    num_threads = min(32, 4 * (os.cpu_count() or 1))  # more than cores: the files may lie on a network drive
    with (
        ThreadPoolExecutor(num_threads) as pool,
        progress(desc="look for changes", total=len(paths), unit=" files", delay=1) as bar,
    ):
        rows = []
        for chunk in pool.map(_stamps, chunks):
            rows.append(chunk)
            bar.update(len(chunk))
    return np.array(list(chain.from_iterable(rows)), np.int64).reshape(-1, 3)


def _stamps(paths: Sequence[str]) -> list[tuple[int, int, int]]:
    return [_stamp(path) for path in paths]


def _stamp(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 (a Path would take longer than the look itself)
    except OSError:
        return MISSING
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def _remove_unused(folder: Path) -> None:
    limit = time.time() - UNUSED_S
    for path in folder.glob("*.npz"):
        with suppress(FileNotFoundError):  # another process may be faster
            if path.stat().st_mtime < limit:
                path.unlink()
