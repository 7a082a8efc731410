"""Streams over loopback: a server sends a sequence of JPEG images, then ends the connection."""

from __future__ import annotations

import contextlib
import http.server
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolo.errors import DataError
from yolo.inference.sources.stream import Stream
from yolo.inference.video_writer import VideoWriter

GREYS = (40, 80, 120, 160, 200)


class Handler(http.server.BaseHTTPRequestHandler):
    """Send a few images per connection, and refuse after two connections."""

    connections = 0

    def do_GET(self) -> None:
        if self.path.endswith(".mp4"):
            self.send_file(Path(self.directory) / self.path[1:])
            return
        Handler.connections += 1
        if Handler.connections > 2:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        for grey in GREYS:
            data = cv2.imencode(".jpg", np.full((48, 64, 3), grey, np.uint8))[1].tobytes()
            self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n")
            self.wfile.write(f"Content-Length: {len(data)}\r\n\r\n".encode() + data + b"\r\n")
            time.sleep(0.02)

    def send_file(self, path: Path) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(path.read_bytes())

    directory = ""

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Handler, "connections", 0)
    monkeypatch.setattr(Handler, "directory", str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_lost_stream_is_reconnected_a_few_times(address: str, caplog: pytest.LogCaptureFixture) -> None:
    frames: list[tuple[int, int]] = []

    def read() -> None:
        stream = Stream(f"{address}/live.mjpg", reconnect_delays_s=(0.01, 0.02))
        frames.extend((frame.number, round(float(frame.image.mean()) / 40)) for frame in stream.frames())

    with caplog.at_level(logging.WARNING), pytest.raises(DataError, match="attempts to reconnect failed") as lost:
        read()
    assert "2 attempts to reconnect failed within 0.03 s" in str(lost.value)
    assert Handler.connections == 4  # two that sent images, two that did not
    numbers = [number for number, _ in frames]
    assert numbers == sorted(set(numbers))
    assert 6 <= numbers[-1] + 1 <= 10  # the second connection goes on counting; OpenCV may keep the last image
    assert all(1 <= grey <= 5 for _, grey in frames)
    assert caplog.text.count("reconnecting in") == 3


def test_unreachable_address_fails_at_once() -> None:
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/x: no image received; check the address"):
        next(Stream("http://127.0.0.1:9/x").frames())


def test_video_file_behind_an_address_yields_every_frame_once(address: str, tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 48))
    for grey in range(0, 200, 10):
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.close()
    frames = list(Stream(f"{address}/a.mp4").frames())
    assert [round(float(frame.image.mean()) / 10) for frame in frames] == list(range(20))


def test_slow_reader_gets_the_latest_frame(address: str) -> None:
    frames = Stream(f"{address}/live.mjpg").frames()
    first = next(frames)
    time.sleep(0.5)  # all five images have arrived by now
    second = next(frames)
    assert second.number - first.number > 1
    frames.close()
