"""Open the store of a URL, with endpoints and keys from environment variables."""

from __future__ import annotations

import importlib.util
import os
from typing import Any
from urllib.parse import urlsplit

from yolo.errors import StorageError
from yolo.remote.fsspec_store import FsspecStore, Service
from yolo.remote.moxing_store import MoxingStore
from yolo.remote.store import LocalStore, Store
from yolo.urls import FILE_SCHEME, url_scheme

ENDPOINTS = {  # variables that name a server; the first that is set counts
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "obs": ("OBS_ENDPOINT", "S3_ENDPOINT"),
    "gs": ("STORAGE_EMULATOR_HOST",),
}
# Turns off the retries of botocore, which would multiply with those of `with_retries`.
NO_RETRIES = {"retries": {"total_max_attempts": 1, "mode": "standard"}}


def open_store(url: str) -> Store:
    """Return the store of a URL or local path.

    Raises:
        StorageError: the scheme is unknown, or its package is not installed.
    """
    scheme = url_scheme(url)
    if scheme in ("", FILE_SCHEME):
        return LocalStore()
    if scheme == "s3":
        return FsspecStore(
            scheme, Service("s3", "s3fs", "s3", _non_empty(endpoint_url=_endpoint("s3"), config_kwargs=NO_RETRIES))
        )
    if scheme == "gs":
        return FsspecStore(scheme, Service("gs", "gcsfs", "gcs", _non_empty(endpoint_url=_endpoint("gs"))))
    if scheme == "obs":
        return MoxingStore() if importlib.util.find_spec("moxing") else _obs()
    return FsspecStore(scheme, _other(scheme, url))


def host_of(scheme: str) -> str:
    """Return the server that the environment names for a scheme, as part of a path; empty: the scheme's default."""
    endpoint = _endpoint(scheme)
    return urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").netloc.replace(":", "_") if endpoint else ""


def _obs() -> Store:
    """Return OBS through its S3-compatible interface."""
    endpoint = _endpoint("obs")
    if not endpoint:
        raise StorageError(
            "obs:// needs the environment variable OBS_ENDPOINT, such as https://obs.cn-north-4.myhuaweicloud.com, "
            "and keys in OBS_ACCESS_KEY_ID and OBS_SECRET_ACCESS_KEY; set them, or install moxing"
        )
    config: dict[str, Any] = {
        **NO_RETRIES,
        "s3": {"addressing_style": "virtual"},
    }  # bucket in the host name
    if importlib.util.find_spec("botocore"):
        from botocore.config import Config

        if "request_checksum_calculation" in Config.OPTION_DEFAULTS:  # OBS does not support these checksums
            config |= {
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            }
    options = _non_empty(
        endpoint_url=endpoint if "://" in endpoint else f"https://{endpoint}",
        key=_first_set("OBS_ACCESS_KEY_ID", "ACCESS_KEY_ID"),
        secret=_first_set("OBS_SECRET_ACCESS_KEY", "SECRET_ACCESS_KEY"),
        token=_first_set("OBS_SECURITY_TOKEN", "SECURITY_TOKEN"),
        config_kwargs=config,
    )
    return FsspecStore("obs", Service("s3", "s3fs", "obs", options))


def _other(scheme: str, url: str) -> Service:
    """Return the service of any other scheme that fsspec supports with the installed packages."""
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        known = "s3://, gs://, obs://, or a scheme of fsspec whose package is installed"
        raise StorageError(f"{url}: '{scheme}://' cannot be used: {error}; use {known}") from error
    return Service(scheme, "", scheme)


def _endpoint(scheme: str) -> str:
    return _first_set(*ENDPOINTS.get(scheme, ()))


def _first_set(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _non_empty(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}
