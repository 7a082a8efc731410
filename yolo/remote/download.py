"""Download a file: resumed, retried and verified; it appears only when it is complete and correct."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import ssl
import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from yolo.errors import DownloadError, YoloError
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from email.message import Message
    from pathlib import Path

    from tqdm import tqdm

logger = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further attempt without progress
TIMEOUT = 30.0  # seconds without data
CHUNK = 1 << 18
BUSY = (408, 425, 429, 500, 502, 503, 504)  # status codes that may pass
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


class RetryableError(Exception):
    """The connection ended early, or the server is busy."""


class SecureRedirects(HTTPRedirectHandler):
    """Follows redirects, but never from HTTPS to another protocol."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if req.type == "https" and not newurl.lower().startswith("https:"):
            raise HTTPError(req.full_url, code, f"and redirects to {newurl}, which is not HTTPS", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    url: str,
    path: Path,
    *,
    num_bytes: int | None = None,
    sha256: str | None = None,
    check: Callable[[Path], object] = lambda path: None,
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Download a file. Only one process at a time may download to the same path.

    If the download breaks off, the received part is kept beside `path`, and the next download continues it if the
    server confirms that its file is unchanged (RFC 9110, If-Range). Proxies are read from the environment.

    Args:
        url: `https:`, `http:` or `file:`.
        path: appears when the file is complete and correct.
        num_bytes: its exact length, if known.
        sha256: its checksum, hexadecimal, if known.
        check: called with the complete file; raises a `YoloError` if it is the wrong one.
        pauses: seconds to wait before each further attempt.

    Raises:
        DownloadError: the file cannot be downloaded or written, or is the wrong one.
    """
    part = path.with_name(f".{path.name}.part")
    options: dict[str, Any] = {"delay": 1, "unit": "B", "unit_scale": True, "unit_divisor": 1024}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with progress(total=num_bytes, desc=path.name, **options) as bar:
            _retry_until_complete(url, part, num_bytes, bar, pauses)
        try:
            verify(part, num_bytes, sha256)
            check(part)
        except YoloError as error:
            part.unlink()  # the next download starts from the beginning
            _version_path(part).unlink()
            raise DownloadError(f"{url}: not the right file: {error}") from error
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        _version_path(part).unlink()
    except OSError as error:
        raise DownloadError(
            f"{path}: cannot be written: {error.strerror or error}; make room, or check who may write there"
        ) from error


def verify(path: Path, num_bytes: int | None, sha256: str | None) -> None:
    """Check length and checksum of a file; None is not checked.

    Raises:
        DownloadError: the file differs.
    """
    if num_bytes is not None and (size := path.stat().st_size) != num_bytes:
        raise DownloadError(f"{size:,} bytes, expected {num_bytes:,}")
    if sha256 is None:
        return
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise DownloadError(f"its SHA-256 is {digest.hexdigest()}, expected {sha256}")


def _retry_until_complete(url: str, part: Path, num_bytes: int | None, bar: tqdm[Any], pauses: Sequence[float]) -> None:
    """Repeat the request until the file is complete, or until further attempts make no progress."""
    furthest, waits = _size(part), iter(pauses)
    while problem := _try_once(url, part, num_bytes, bar):
        size = _size(part)
        if size > furthest:
            furthest, waits = size, iter(pauses)
        pause = next(waits, None)
        if pause is None:
            kept = f"; the {size:,} bytes received are kept for the next attempt" if size else ""
            raise DownloadError(f"{url}: {problem}; gave up after {len(pauses) + 1} attempts without progress{kept}")
        logger.info("%s: %s; next attempt in %g s", url, problem, pause)
        time.sleep(pause)


def _try_once(url: str, part: Path, num_bytes: int | None, bar: tqdm[Any]) -> str:
    """Make one request; return what interrupted it, or an empty text if the file is complete."""
    try:
        with _classify_errors(url, part):
            _receive(url, part, num_bytes, bar)
    except RetryableError as error:
        return str(error)
    return ""


def _receive(url: str, part: Path, num_bytes: int | None, bar: tqdm[Any]) -> None:
    """Append what is missing of a file, or start again if the server cannot continue."""
    start = _size(part) if _version_path(part).is_file() else 0
    if start and start == num_bytes:
        return
    with build_opener(SecureRedirects).open(_request(url, start, _version_path(part)), timeout=TIMEOUT) as response:
        start = _first_byte(response, start)
        total = _total(response, start, num_bytes)
        if not start:
            part.write_bytes(b"")
            _version_path(part).write_text(_version(response.headers), encoding="latin-1")
        bar.n, bar.total = start, total
        with part.open("ab") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
                if total is not None and file.tell() > total:
                    raise DownloadError(f"{url}: the server sends more than the {total:,} bytes expected")
    if total is not None and _size(part) < total:
        raise RetryableError(f"the connection ended after {_size(part):,} of {total:,} bytes")


def _request(url: str, start: int, version_path: Path) -> Request:
    headers = {"User-Agent": "yolo", "Accept-Encoding": "identity"}  # some servers refuse the default name of Python
    version = version_path.read_text(encoding="latin-1") if start else ""
    if version:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    return Request(url, headers=headers)


def _first_byte(response: Any, asked: int) -> int:
    """Return the first byte of the answer: 0 if the server ignores ranges, or if its file has changed."""
    if response.status != PARTIAL_CONTENT:
        return 0
    content_range = response.headers.get("Content-Range", "")
    if not re.match(rf"bytes {asked}-", content_range):
        raise DownloadError(f"{response.url}: requested the bytes from {asked:,} on, got '{content_range}'")
    return asked


def _total(response: Any, start: int, num_bytes: int | None) -> int | None:
    """Return the length of the complete file: the known one, which the server must confirm, or the server's."""
    if response.headers.get_content_type() == "text/html":
        raise DownloadError(f"{response.url}: the server sends a web page, not a file; the file may have moved")
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() else num_bytes
    if num_bytes is not None and total != num_bytes:
        raise DownloadError(
            f"{response.url}: the server has {total:,} bytes, expected {num_bytes:,}: not the right file"
        )
    return total


def _version(headers: Message) -> str:
    """Return what identifies this version of the file; empty if the server gives nothing."""
    etag = headers.get("ETag", "")
    return headers.get("Last-Modified", "") if not etag or etag.startswith("W/") else etag


def _version_path(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextlib.contextmanager
def _classify_errors(url: str, part: Path) -> Iterator[None]:
    """Turn network errors into a `RetryableError`, or into a `DownloadError` if retrying is of no use."""
    try:
        yield
    except HTTPError as error:
        problem = f"the server answers {error.code} {error.reason}"
        error.close()
        if error.code == RANGE_NOT_SATISFIABLE:
            _version_path(part).unlink(missing_ok=True)  # the next attempt starts from the beginning
        if error.code in (*BUSY, RANGE_NOT_SATISFIABLE):
            raise RetryableError(problem) from error
        raise DownloadError(f"{url}: {problem}") from error
    except URLError as error:
        if isinstance(error.reason, (ConnectionResetError, TimeoutError)):
            raise RetryableError(f"no connection ({error.reason})") from error
        raise DownloadError(f"{url}: cannot be reached: {error.reason}") from error
    except (HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise RetryableError(f"the connection broke ({error})") from error
