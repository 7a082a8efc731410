from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

from tests.remote.faulty import Faults, proxy, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def bucket(s3_port: int, faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket behind a proxy that fails as `faults` says; keys, endpoint and cache are set."""
    name = "yolo-tests"
    for method, path in (("POST", "/moto-api/reset"), ("PUT", f"/{name}")):
        connection = http.client.HTTPConnection("127.0.0.1", s3_port, timeout=30)
        connection.request(method, path)
        assert connection.getresponse().status == 200
        connection.close()
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with proxy(s3_port, faults) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield f"s3://{name}"
