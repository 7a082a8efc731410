"""Which store a URL means, and what the environment says of how to reach it."""

from __future__ import annotations

import importlib.util
import os
from typing import Any
from urllib.parse import urlsplit

from yolo.errors import StorageError
from yolo.remote.fsspec_store import FsspecStore, Service
from yolo.remote.local_store import LocalStore
from yolo.remote.moxing_store import MoxingStore
from yolo.remote.store import Store
from yolo.urls import LOCAL, scheme_of

ENDPOINTS = {  # variables that name a server, the first that is set counts
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "obs": ("OBS_ENDPOINT", "S3_ENDPOINT"),
    "gs": ("STORAGE_EMULATOR_HOST",),
}
# Ours are the only attempts: those of three layers would multiply.
ONCE = {"retries": {"total_max_attempts": 1, "mode": "standard"}}


def open_store(place: str) -> Store:
    """The store of a URL, or of a folder of this machine.

    Raises:
        StorageError: its package is not installed, or its scheme is not known.
    """
    scheme = scheme_of(place)
    if scheme in ("", LOCAL):
        return LocalStore()
    if scheme == "s3":
        return FsspecStore(
            scheme, Service("s3", "s3fs", "s3", _given(endpoint_url=_endpoint("s3"), config_kwargs=ONCE))
        )
    if scheme == "gs":
        return FsspecStore(scheme, Service("gs", "gcsfs", "gcs", _given(endpoint_url=_endpoint("gs"))))
    if scheme == "obs":
        return MoxingStore() if importlib.util.find_spec("moxing") else _obs()
    return FsspecStore(scheme, _other(scheme, place))


def host_of(scheme: str) -> str:
    """The server that the environment names for a scheme, as it may stand in a path; empty: the scheme's own."""
    given = _endpoint(scheme)
    return urlsplit(given if "://" in given else f"//{given}").netloc.replace(":", "_") if given else ""


def _obs() -> Store:
    """OBS by its S3-compatible interface."""
    endpoint = _endpoint("obs")
    if not endpoint:
        raise StorageError(
            "obs:// needs the variable OBS_ENDPOINT, such as https://obs.cn-north-4.myhuaweicloud.com, "
            "and the keys in OBS_ACCESS_KEY_ID and OBS_SECRET_ACCESS_KEY; set them, or run where moxing is installed"
        )
    config: dict[str, Any] = {**ONCE, "s3": {"addressing_style": "virtual"}}  # OBS wants the bucket in the host's name
    if importlib.util.find_spec("botocore"):
        from botocore.config import Config

        if "request_checksum_calculation" in Config.OPTION_DEFAULTS:  # newer than what OBS understands
            config |= {
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            }
    options = _given(
        endpoint_url=endpoint if "://" in endpoint else f"https://{endpoint}",
        key=_first("OBS_ACCESS_KEY_ID", "ACCESS_KEY_ID"),
        secret=_first("OBS_SECRET_ACCESS_KEY", "SECRET_ACCESS_KEY"),
        token=_first("OBS_SECURITY_TOKEN", "SECURITY_TOKEN"),
        config_kwargs=config,
    )
    return FsspecStore("obs", Service("s3", "s3fs", "obs", options))


def _other(scheme: str, place: str) -> Service:
    """A scheme that fsspec knows by itself, or by a package that is installed."""
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        known = "s3://, gs:// and obs://, and those of fsspec whose packages are installed"
        raise StorageError(f"{place}: '{scheme}://' cannot be used: {error}; known are {known}") from error
    return Service(scheme, "", scheme)


def _endpoint(scheme: str) -> str:
    return _first(*ENDPOINTS.get(scheme, ()))


def _first(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}
