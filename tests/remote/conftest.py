from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

import pytest

from tests.remote.faulty import Faults, proxy, s3_server
from yolo.remote import retry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def s3() -> Iterator[tuple[int, str, Faults]]:
    """Return the port of a server, the URL of an unreliable proxy for it, and the faults of the proxy."""
    faults = Faults()
    with s3_server() as port, proxy(port, faults) as endpoint:
        yield port, endpoint, faults


@pytest.fixture
def faults(s3: tuple[int, str, Faults]) -> Faults:
    s3[2].reset()
    return s3[2]


@pytest.fixture
def bucket(s3: tuple[int, str, Faults], faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty bucket behind the proxy; sets keys, endpoint and cache."""
    assert faults.log == []
    name = "yolo-tests"
    for method, path in (("POST", "/moto-api/reset"), ("PUT", f"/{name}")):
        connection = http.client.HTTPConnection("127.0.0.1", s3[0], timeout=30)
        connection.request(method, path)
        assert connection.getresponse().status == 200
        connection.close()
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3[1])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)  # only our own retries, with short pauses
    monkeypatch.setattr(retry, "sleep", lambda seconds: time.sleep(seconds / 50))
    return f"s3://{name}"
