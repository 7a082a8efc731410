"""A file from the net: resumed, retried, checked, and in its place only when it is whole and right."""

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

PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try that got no further than those before it
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 18
BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers of a server that may do better later
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


class CutOffError(Exception):
    """The connection ended early, or the server is busy: worth another try."""


class SecureRedirects(HTTPRedirectHandler):
    """Follows redirects, but never from HTTPS to anything less."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if req.type == "https" and not newurl.lower().startswith("https:"):
            raise HTTPError(req.full_url, code, f"and leads to {newurl}, which is not HTTPS", headers, fp)
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
    """Fetch a file; one process at a time for one path.

    What has come is kept beside `path` if the download breaks off, and the next one goes on from there, when the
    server says that its file is still the same (RFC 9110, If-Range). Proxies are those of the environment.

    Args:
        url: `https:`, `http:` or `file:`.
        path: appears when the file is whole and right.
        num_bytes: its exact length, where known.
        sha256: its checksum, hexadecimal, where known.
        check: looks at the whole file, and raises a `YoloError` if it is another.
        pauses: seconds to wait before each further try.

    Raises:
        DownloadError: it cannot be had, or is not the right one.
    """
    part = path.with_name(f".{path.name}.part")
    options = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with progress(total=num_bytes, desc=path.name, **options) as bar:
            _insist(url, part, num_bytes, bar, pauses)
        try:
            verify(part, num_bytes, sha256)
            check(part)
        except YoloError as error:
            part.unlink()  # the next one starts anew
            _tag(part).unlink()
            raise DownloadError(f"{url}: not the right file: {error}") from error
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        _tag(part).unlink()
    except OSError as error:
        raise DownloadError(
            f"{path}: cannot be written: {error.strerror or error}; make room, or check who may write there"
        ) from error


def verify(path: Path, num_bytes: int | None, sha256: str | None) -> None:
    """Compare a file with what is known of it.

    Raises:
        DownloadError: it differs.
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


def _insist(url: str, part: Path, num_bytes: int | None, bar: tqdm[Any], pauses: Sequence[float]) -> None:
    """Try until the whole file has come, or until no try gets any further."""
    furthest, waits = _size(part), iter(pauses)
    while problem := _cut_off(url, part, num_bytes, bar):
        size = _size(part)
        if size > furthest:
            furthest, waits = size, iter(pauses)
        pause = next(waits, None)
        if pause is None:
            kept = f"; the {size:,} bytes that came are kept for the next time" if size else ""
            raise DownloadError(f"{url}: {problem}; tries in vain: {len(pauses) + 1}{kept}")
        logger.info("%s: %s; next try in %g s", url, problem, pause)
        time.sleep(pause)


def _cut_off(url: str, part: Path, num_bytes: int | None, bar: tqdm[Any]) -> str:
    """One try; what cut it off, or nothing when the whole file has come."""
    try:
        with _plain_errors(url, part):
            _receive(url, part, num_bytes, bar)
    except CutOffError as cut:
        return str(cut)
    return ""


def _receive(url: str, part: Path, num_bytes: int | None, bar: tqdm[Any]) -> None:
    """One request: append what is missing, or start anew where the server does not go on from there."""
    start = _size(part) if _tag(part).is_file() else 0
    if start and start == num_bytes:
        return
    with build_opener(SecureRedirects).open(_request(url, start, _tag(part)), timeout=TIMEOUT) as response:
        start = _first_byte(response, start)
        total = _total(response, start, num_bytes)
        if not start:
            part.write_bytes(b"")
            _tag(part).write_text(_version(response.headers), encoding="latin-1")
        bar.n, bar.total = start, total
        with part.open("ab") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
                if total is not None and file.tell() > total:
                    raise DownloadError(f"{url}: the server sends more than the {total:,} bytes expected")
    if total is not None and _size(part) < total:
        raise CutOffError(f"the connection ended after {_size(part):,} of {total:,} bytes")


def _request(url: str, start: int, tag: Path) -> Request:
    headers = {"User-Agent": "yolo", "Accept-Encoding": "identity"}  # some servers refuse Python's own name
    version = tag.read_text(encoding="latin-1") if start else ""
    if version:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    return Request(url, headers=headers)


def _first_byte(response: Any, asked: int) -> int:
    """Where in the file the answer starts: at 0 where the server does not know ranges, or has another file by now."""
    if response.status != PARTIAL_CONTENT:
        return 0
    content_range = response.headers.get("Content-Range", "")
    if not re.match(rf"bytes {asked}-", content_range):
        raise DownloadError(f"{response.url}: asked for the bytes from {asked:,} on, got '{content_range}'")
    return asked


def _total(response: Any, start: int, num_bytes: int | None) -> int | None:
    """Length of the whole file: what is known of it, which the server has to confirm, or what the server says."""
    if response.headers.get_content_type() == "text/html":
        raise DownloadError(f"{response.url}: the server sends a web page, not a file; it may have moved")
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() else num_bytes
    if num_bytes is not None and total != num_bytes:
        raise DownloadError(
            f"{response.url}: the server has {total:,} bytes, expected {num_bytes:,}: not the right file"
        )
    return total


def _version(headers: Message) -> str:
    """What tells this file from a later one at the same address; empty where the server does not say."""
    etag = headers.get("ETag", "")
    return headers.get("Last-Modified", "") if not etag or etag.startswith("W/") else etag


def _tag(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextlib.contextmanager
def _plain_errors(url: str, part: Path) -> Iterator[None]:
    """What may go wrong on the way, as one of two: try again, or give up."""
    try:
        yield
    except HTTPError as error:
        problem = f"the server answers {error.code} {error.reason}"
        error.close()
        if error.code == RANGE_NOT_SATISFIABLE:
            _tag(part).unlink(missing_ok=True)  # the next try starts anew
        if error.code in (*BUSY, RANGE_NOT_SATISFIABLE):
            raise CutOffError(problem) from error
        raise DownloadError(f"{url}: {problem}") from error
    except URLError as error:
        if isinstance(error.reason, (ConnectionResetError, TimeoutError)):
            raise CutOffError(f"no connection ({error.reason})") from error
        raise DownloadError(f"{url}: cannot be reached: {error.reason}") from error
    except (HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise CutOffError(f"the connection broke ({error})") from error
