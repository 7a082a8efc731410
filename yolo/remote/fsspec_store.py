"""Stores through fsspec: S3 and compatible servers (MinIO, Ceph, OBS), Google Cloud Storage, and others."""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib
import importlib.util
import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from yolo.errors import StorageError
from yolo.remote.store import ABSENT, Store, StoredFile, file_md5
from yolo.urls import url_scheme, without_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fsspec import AbstractFileSystem

ERRORS = (  # exceptions of the underlying packages that are not an OSError
    "aiohttp.ClientError",
    "botocore.exceptions.BotoCoreError",
    "botocore.exceptions.ClientError",
    "gcsfs.retry.HttpError",
    "google.auth.exceptions.GoogleAuthError",
    "requests.exceptions.RequestException",
)
PERMANENT = (
    "botocore.exceptions.NoCredentialsError",
    "botocore.exceptions.PartialCredentialsError",
    "botocore.exceptions.ParamValidationError",
    "botocore.exceptions.ProfileNotFound",
    "google.auth.exceptions.DefaultCredentialsError",
)
PASSING_CODES = ("BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch")  # bad requests because of the network
MD5 = re.compile("[0-9a-f]{32}")
TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")  # in order of preference


@dataclass(frozen=True, slots=True)
class Service:
    """How fsspec reaches the stores of a scheme.

    Attributes:
        protocol: name of the protocol in fsspec.
        package: package that fsspec needs for it; empty: none in particular.
        extra: extra of this package that installs it.
        options: of the fsspec file system.
    """

    protocol: str
    package: str
    extra: str
    options: Mapping[str, Any] = field(default_factory=dict)


class FsspecStore(Store):
    """A store behind fsspec. It holds no connection, so that it can be pickled and used after a fork."""

    def __init__(self, scheme: str, service: Service) -> None:
        self.service = service
        if service.package and importlib.util.find_spec(service.package) is None:
            needs = f"{scheme}:// needs the package {service.package}"
            remedy = f"pip install 'darknet-yolo-torch[{service.extra}]'"
            raise StorageError(f"{needs}, which is not installed; run: {remedy}")
        self.errors = (*Store.errors, *_classes(ERRORS))  # type: ignore[misc]  # depends on the installed packages
        self._permanent = _classes(PERMANENT)

    def is_permanent(self, error: BaseException) -> bool:
        if isinstance(error, self._permanent):
            return True
        response = getattr(error.__cause__, "response", None) or {}
        return response.get("Error", {}).get("Code") not in PASSING_CODES and super().is_permanent(error)

    @property
    def _filesystem(self) -> AbstractFileSystem:
        return _connected(self.service.protocol, _Options(self.service.options), os.getpid())

    def _fsspec_url(self, url: str) -> str:
        """Return the URL for fsspec, which reaches OBS through its S3 protocol."""
        return f"{self.service.protocol}://{without_scheme(url)}"

    def _list_files(self, folder: str) -> dict[str, StoredFile]:
        filesystem = self._filesystem
        root = filesystem._strip_protocol(self._fsspec_url(folder)).rstrip("/") + "/"
        try:
            found = filesystem.find(root.rstrip("/"), detail=True)
        except FileNotFoundError:
            return {}
        base = folder.rstrip("/")
        names = {path.removeprefix(root): entry for path, entry in found.items() if path.startswith(root)}
        return {
            name: _stored_file(f"{base}/{name}", entry)
            for name, entry in sorted(names.items())
            if entry["type"] == "file" and name and not name.endswith("/")  # empty files that represent folders
        }

    def _stat(self, url: str) -> StoredFile | None:
        try:
            entry = self._filesystem.info(self._fsspec_url(url))
        except ABSENT:
            return None
        return _stored_file(url, entry) if entry["type"] == "file" else None

    def _read(self, url: str, start: int, end: int | None) -> bytes:
        content = self._filesystem.cat_file(self._fsspec_url(url), start=start, end=end)
        assert isinstance(content, bytes)
        return content

    def _put(self, path: Path, url: str) -> None:
        self._filesystem.put_file(str(path), self._fsspec_url(url))

    def _has_copy(self, path: Path, url: str, *, exact: bool = False) -> bool:
        there = self._stat(url)
        if there is None or there.size != path.stat().st_size:
            return False
        return not exact or there.md5 == file_md5(path)


class _Options(dict[str, Any]):
    """Options as a hashable dict, for a cache."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(sorted(self.items())))


@functools.lru_cache(maxsize=16)
def _connected(protocol: str, options: _Options, process: int) -> AbstractFileSystem:
    """Return one connection per process, as opening one takes half a second and a fork must not inherit it."""
    import fsspec

    del process
    return fsspec.filesystem(protocol, use_listings_cache=False, **options)


@functools.cache
def _classes(names: Sequence[str]) -> tuple[type[BaseException], ...]:
    """Return the classes whose packages are installed."""
    found = []
    for module, _, name in (name.rpartition(".") for name in names):
        with contextlib.suppress(ImportError):
            found.append(getattr(importlib.import_module(module), name))
    return tuple(found)


def _stored_file(url: str, entry: Mapping[str, Any]) -> StoredFile:
    etag = str(entry.get("ETag") or entry.get("etag") or "").strip('"')
    time = next((entry[key] for key in TIMES if entry.get(key)), 0.0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time.replace("Z", "+00:00"))
    seconds = time.timestamp() if isinstance(time, datetime) else float(time)
    md5 = ""
    if entry.get("md5Hash"):
        md5 = base64.b64decode(entry["md5Hash"]).hex()
    elif url_scheme(url) in ("s3", "obs") and MD5.fullmatch(etag):
        md5 = etag
    return StoredFile(url=url, size=int(entry["size"]), tag=etag or repr(seconds), modified=seconds, md5=md5)
