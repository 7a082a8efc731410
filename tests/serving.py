"""A local HTTP server that misbehaves as told."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Answer:
    """How the server answers one request; the default is correct."""

    status: int = 200
    sent: int | None = None  # bytes of the body before the connection ends; None: all
    extra: int = 0  # bytes by which the Content-Length is too large
    has_length: bool = True
    supports_ranges: bool = True
    range_shift: int = 0  # bytes by which the sent range differs from the requested one
    body: bytes | None = None
    content_type: str = "application/octet-stream"
    location: str = ""
    etag: str = '"1"'
    seconds: float = 0.0  # before the answer


@dataclass
class Site:
    """The content of the server, its next answers, and a log of the requests."""

    url: str
    body: bytes
    answers: list[Answer] = field(default_factory=list)  # for the next requests; then `Answer()`
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range


class Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        asked = self.headers.get("Range")
        site.requests.append((self.path, asked))
        answer = site.answers.pop(0) if site.answers else Answer()
        body = site.body if answer.body is None else answer.body
        time.sleep(answer.seconds)
        start, status = 0, answer.status
        if asked and answer.supports_ranges and status == 200 and self.headers.get("If-Range") == answer.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + answer.range_shift
            status = 206 if start < len(body) else 416
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if answer.location:
            self.send_header("Location", answer.location)
        if answer.etag:
            self.send_header("ETag", answer.etag)
        self.send_header("Content-Type", answer.content_type)
        rest = body[start:] if status in (200, 206) else b""
        if answer.has_length:
            self.send_header("Content-Length", str(len(rest) + answer.extra))
        self.end_headers()
        self.wfile.write(rest[: answer.sent])

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def serving(body: bytes, *answers: Answer) -> Iterator[Site]:
    """Serve one body at every path of a local server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}", body, list(answers))
        server.RequestHandlerClass = type("SiteHandler", (Handler,), {"site": site})
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
