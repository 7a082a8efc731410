"""A local S3 server, and a proxy for it that fails as networks do."""

from __future__ import annotations

import contextlib
import http.client
import logging
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from moto.moto_server.threaded_moto_server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
OWN_HEADERS = ("connection", "transfer-encoding", "date", "server")


@dataclass
class Faults:
    """Which requests fail: every n-th of a kind; 0: none."""

    busy: int = 0  # of all requests: answered with 503
    cut_reads: int = 0  # of those that return a body: the connection ends in its middle
    cut_writes: int = 0  # of those that send a body: the connection ends in its middle
    down: bool = False  # the connection of every request ends at once
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("all", "read", "write", "failed"), 0))
    lock: threading.Lock = field(default_factory=threading.Lock)
    log: list[str] = field(default_factory=list)  # method and path of each request

    def reset(self) -> None:
        """Stop all faults, and clear counts and log."""
        self.busy = self.cut_reads = self.cut_writes = 0
        self.down = False
        self.counts = dict.fromkeys(self.counts, 0)
        self.log = []

    def strikes(self, kind: str, every: int) -> bool:
        with self.lock:
            self.counts[kind] += 1
            hit = bool(every) and self.counts[kind] % every == 0
            self.counts["failed"] += hit
            return hit


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: int, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.faults = faults

    def handle_error(self, *_: Any) -> None:  # clients break connections too
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        faults = self.server.faults
        faults.log.append(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        if faults.down or (length and faults.strikes("write", faults.cut_writes)):
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self.rfile.read(length) if length else None
        if faults.strikes("all", faults.busy):
            self.answer(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=30)
        with contextlib.closing(upstream):
            upstream.request(self.command, self.path, body, dict(self.headers))
            response = upstream.getresponse()
            content = response.read()
            headers = {name: value for name, value in response.getheaders() if name.lower() not in OWN_HEADERS}
        self.answer(response.status, headers, content)

    def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        if self.command != "HEAD":
            headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
            headers["Content-Length"] = str(len(content))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        faults = self.server.faults
        if len(content) > 1 and self.command == "GET" and faults.strikes("read", faults.cut_reads):
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any


@contextlib.contextmanager
def s3_server() -> Iterator[int]:
    """Run an empty S3 server; yield its port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield port
    finally:
        server.stop()


@contextlib.contextmanager
def proxy(upstream: int, faults: Faults) -> Iterator[str]:
    """Run a proxy for a server; yield its URL."""
    server = Proxy(upstream, faults)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
