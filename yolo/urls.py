"""Names of files and folders in object stores: `s3://bucket/folder/file`. Opens nothing."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from yolo.errors import StorageError

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # two letters or more: `C:` is a drive
LOCAL = "file"


def is_url(text: str | Path) -> bool:
    """Whether a text names something in a store, not a path on this machine (which `file://...` is too)."""
    return isinstance(text, str) and scheme_of(text) not in ("", LOCAL)


def scheme_of(text: str) -> str:
    """`s3` of `s3://bucket`; empty for a path."""
    match = SCHEME.match(text)
    return match[1].lower() if match else ""


def without_scheme(url: str) -> str:
    """`bucket/folder` of `s3://bucket/folder/`."""
    return SCHEME.sub("", url, count=1).strip("/")


def path_of(text: str | Path) -> Path:
    """The path that a text without a store is; `file://` may stand before it."""
    return Path(str(text).removeprefix(f"{LOCAL}://")).expanduser()


def join(place: str, *names: str) -> str:
    """A name below a URL, or below a folder of this machine."""
    return "/".join([place.rstrip("/"), *names]) if is_url(place) else str(path_of(place).joinpath(*names))


def split(url: str) -> tuple[str, str]:
    """The URL of the folder that something lies in, and its name there."""
    folder, _, name = url.rstrip("/").rpartition("/")
    if folder.endswith(":/") or not name:
        raise StorageError(f"{url}: names a whole bucket; add a folder or file in it: {url.rstrip('/')}/NAME")
    return folder, name


def checked_name(name: str, url: str) -> PurePosixPath:
    """A name in a store as a relative path.

    Raises:
        StorageError: it would lead out of the folder that it is fetched into, or to two files of one name.
    """
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) != name:
        raise StorageError(f"{url}: the name '{name}' in it is no path that a file can have here; rename it")
    return path
