"""Zip archives of data sets, as labelling tools export them: unpacked once, into the cache."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import zipfile
import zlib
from typing import TYPE_CHECKING

from yolo.errors import DataError
from yolo.log import progress
from yolo.storage import atomic_folder, cache_folder

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

SUFFIX = ".zip"
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)  # damaged or with a password


def unpack(archive: Path) -> Path:
    """Return the folder of an archive's files; an archive that has not changed is unpacked only once.

    Raises:
        DataError: it is not a zip archive that can be read, or does not fit on the disk.
    """
    stat = archive.stat()
    key = f"{archive.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}"
    folder = cache_folder("archives") / hashlib.blake2b(os.fsencode(key), digest_size=16).hexdigest() / archive.stem
    if not folder.is_dir():
        try:
            _extract(archive, folder)
        except UNREADABLE as error:
            raise DataError(f"{archive}: is not a zip archive that can be read ({error}); export it again") from error
        except OSError as error:
            raise DataError(
                f"{archive}: cannot be unpacked to {folder} ({error.strerror}); unpack it yourself"
            ) from error
    _log.info("%s: unpacked in %s", archive, folder)
    return folder


def _extract(archive: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as source, atomic_folder(folder) as temporary:
        entries = source.infolist()
        size, free = sum(entry.file_size for entry in entries), shutil.disk_usage(temporary).free
        if size > free:
            text = f"holds {size / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free in {folder.parent}"
            raise DataError(f"{archive}: {text}; set XDG_CACHE_HOME to a larger disk, or unpack it yourself")
        for entry in progress(entries, f"unpack {archive.name}", unit=" files", delay=1):
            source.extract(entry, temporary)  # it drops `..` and roots from names
