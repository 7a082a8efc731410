"""URLs of files and folders in object stores, such as `s3://bucket/folder/file`; opens nothing."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from yolo.errors import StorageError

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # at least two letters, as `C:` is a drive
FILE_SCHEME = "file"


def is_url(text: str | Path) -> bool:
    """Return whether a text is the URL of something in a store; `file://...` is a local path."""
    return isinstance(text, str) and url_scheme(text) not in ("", FILE_SCHEME)


def url_scheme(text: str) -> str:
    """Return `s3` for `s3://bucket`, an empty text for a path."""
    match = SCHEME.match(text)
    return match[1].lower() if match else ""


def without_scheme(url: str) -> str:
    """Return `bucket/folder` for `s3://bucket/folder/`."""
    return SCHEME.sub("", url, count=1).strip("/")


def to_path(text: str | Path) -> Path:
    """Return a local path, given with or without `file://`."""
    return Path(str(text).removeprefix(f"{FILE_SCHEME}://")).expanduser()


def join_url(folder: str, *names: str) -> str:
    """Append names to the URL of a folder, or to a local folder."""
    return "/".join([folder.rstrip("/"), *names]) if is_url(folder) else str(to_path(folder).joinpath(*names))


def split_url(url: str) -> tuple[str, str]:
    """Return the URL of the parent folder, and the name in it.

    Raises:
        StorageError: the URL names a whole bucket.
    """
    folder, _, name = url.rstrip("/").rpartition("/")
    if folder.endswith(":/") or not name:
        raise StorageError(f"{url}: names a whole bucket; add a folder or file in it: {url.rstrip('/')}/NAME")
    return folder, name


def to_relative_path(name: str, url: str) -> PurePosixPath:
    """Return a name in a store as a relative path.

    Raises:
        StorageError: the path would leave the folder that it is fetched into, or is not unique.
    """
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) != name:
        raise StorageError(f"{url}: the name '{name}' in it is not a valid relative path; rename it")
    return path
