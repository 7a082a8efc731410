"""Stores that fsspec knows: S3 and what speaks its language (MinIO, Ceph, OBS), Google Cloud Storage, and others."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from yolo.errors import StorageError
from yolo.remote.store import ABSENT, Object, Store
from yolo.urls import scheme_of, without_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fsspec import AbstractFileSystem

FAULTS = (  # errors of the packages beneath that are no OSError
    "aiohttp.ClientError",
    "botocore.exceptions.BotoCoreError",
    "botocore.exceptions.ClientError",
    "gcsfs.retry.HttpError",
    "google.auth.exceptions.GoogleAuthError",
    "requests.exceptions.RequestException",
)
HOPELESS = (
    "botocore.exceptions.NoCredentialsError",
    "botocore.exceptions.PartialCredentialsError",
    "botocore.exceptions.ParamValidationError",
    "botocore.exceptions.ProfileNotFound",
    "google.auth.exceptions.DefaultCredentialsError",
)
PASSING_CODES = ("BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch")  # bad requests that the network made bad
MD5 = re.compile("[0-9a-f]{32}")
TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")  # in the order in which they are believed


@dataclass(frozen=True, slots=True)
class Service:
    """How fsspec reaches the stores of a scheme."""

    protocol: str  # of fsspec
    package: str  # that fsspec needs for it
    extra: str  # of ours, which brings that package
    options: Mapping[str, Any] = field(default_factory=dict)


class FsspecStore(Store):
    """A store behind fsspec. Holds no connection, so that it may be pickled, and used after a fork."""

    def __init__(self, scheme: str, service: Service) -> None:
        self.service = service
        if service.package and importlib.util.find_spec(service.package) is None:
            needs = f"{scheme}:// needs the package {service.package}"
            raise StorageError(f"{needs}, which is not installed; run: pip install 'yolo[{service.extra}]'")
        self.faults = (*Store.faults, *_classes(FAULTS))  # type: ignore[misc]  # what is installed differs
        self._hopeless = _classes(HOPELESS)

    def is_hopeless(self, error: BaseException) -> bool:
        if isinstance(error, self._hopeless):
            return True
        response = getattr(error.__cause__, "response", None) or {}
        return response.get("Error", {}).get("Code") not in PASSING_CODES and super().is_hopeless(error)

    @property
    def _files_at(self) -> AbstractFileSystem:
        return _connected(self.service.protocol, _Options(self.service.options), os.getpid())

    def _place(self, url: str) -> str:
        """The URL as fsspec takes it, to which OBS is S3."""
        return f"{self.service.protocol}://{without_scheme(url)}"

    def _files(self, folder: str) -> dict[str, Object]:
        files = self._files_at
        root = files._strip_protocol(self._place(folder)).rstrip("/") + "/"
        try:
            found = files.find(root.rstrip("/"), detail=True)
        except FileNotFoundError:
            return {}
        base = folder.rstrip("/")
        names = {path.removeprefix(root): entry for path, entry in found.items() if path.startswith(root)}
        return {
            name: _object(f"{base}/{name}", entry)
            for name, entry in sorted(names.items())
            if entry["type"] == "file" and name and not name.endswith("/")  # empty files that stand for folders
        }

    def _look(self, url: str) -> Object | None:
        try:
            entry = self._files_at.info(self._place(url))
        except ABSENT:
            return None
        return _object(url, entry) if entry["type"] == "file" else None

    def _read(self, url: str, start: int, end: int | None) -> bytes:
        content = self._files_at.cat_file(self._place(url), start=start, end=end)
        assert isinstance(content, bytes)
        return content

    def _put(self, path: Path, url: str) -> None:
        self._files_at.put_file(str(path), self._place(url))

    def _holds(self, path: Path, url: str, *, sure: bool = False) -> bool:
        there = self._look(url)
        if there is None or there.size != path.stat().st_size:
            return False
        return not sure or there.md5 == file_md5(path)


class _Options(dict[str, Any]):
    """Options that a cache can tell apart."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(sorted(self.items())))


@functools.lru_cache(maxsize=16)
def _connected(protocol: str, options: _Options, process: int) -> AbstractFileSystem:
    """One connection a process for all its threads: making one takes half a second; a fork must not inherit it."""
    import fsspec

    del process
    return fsspec.filesystem(protocol, use_listings_cache=False, **options)


@functools.cache
def _classes(names: Sequence[str]) -> tuple[type[BaseException], ...]:
    """Those of these classes whose packages are installed."""
    found = []
    for module, _, name in (name.rpartition(".") for name in names):
        with contextlib.suppress(ImportError):
            found.append(getattr(importlib.import_module(module), name))
    return tuple(found)


def _object(url: str, entry: Mapping[str, Any]) -> Object:
    etag = str(entry.get("ETag") or entry.get("etag") or "").strip('"')
    time = next((entry[key] for key in TIMES if entry.get(key)), 0.0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time.replace("Z", "+00:00"))
    seconds = time.timestamp() if isinstance(time, datetime) else float(time)
    md5 = ""
    if entry.get("md5Hash"):
        md5 = base64.b64decode(entry["md5Hash"]).hex()
    elif scheme_of(url) in ("s3", "obs") and MD5.fullmatch(etag):
        md5 = etag
    return Object(url=url, size=int(entry["size"]), tag=etag or repr(seconds), modified=seconds, md5=md5)


def file_md5(path: Path) -> str:
    """MD5 of a file's content, 32 hexadecimal digits."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
