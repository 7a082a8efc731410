"""The registry of published weights, and the download of their files into a cache."""

from __future__ import annotations

import difflib
import logging
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from yolo.darknet.weights_file import MAX_HEADER_BYTES, parse_weights_header
from yolo.distributed import local_main_first
from yolo.errors import DownloadError, WeightsError
from yolo.remote.download import download
from yolo.remote.fetch import fetch_file
from yolo.storage import cache_folder, lock_file, shipped_folder
from yolo.urls import is_url

logger = logging.getLogger(__name__)

WEIGHTS_FOLDER = Path("weights")  # in the working folder; files in it are used instead of downloads
OFFLINE_VARIABLE = "YOLO_OFFLINE"
MIRROR_VARIABLE = "YOLO_WEIGHTS_MIRROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """An entry of the registry: a published weights file."""

    name: str
    cfg: str  # a shipped network
    num_bytes: int
    urls: tuple[str, ...]
    sha256: str | None = None
    trained_on: str
    score_on: str | None = None  # data sets it was not trained on; None for a partial file, which cannot be evaluated
    ap: float | None = None  # percent, at IoU .50 to .95
    ap50: float | None = None  # percent, at IoU .50
    measured_on: str | None = None

    @property
    def file_name(self) -> str:
        """Name of the file."""
        return self.urls[0].rpartition("/")[2]

    def candidate_paths(self) -> tuple[Path, Path]:
        """Return the paths of the file in the working folder's `weights/` and in the download cache."""
        return WEIGHTS_FOLDER / self.file_name, cache_folder("weights") / self.file_name

    def find_local(self) -> Path | None:
        """Return the path of the file if it exists on this machine."""
        return next((path for path in self.candidate_paths() if path.is_file()), None)


@cache
def registry() -> dict[str, PublishedWeights]:
    """Return all known published weights by name."""
    entries = yaml.safe_load((shipped_folder("weights") / "registry.yaml").read_text(encoding="utf-8"))
    return {
        name: PublishedWeights(**{**entry, "name": name, "urls": tuple(entry["urls"])})
        for name, entry in entries.items()
    }


def find_published(name: str) -> PublishedWeights | None:
    """Return the entry that `--weights NAME` means, with or without `.weights`; None if a file of that name exists."""
    known = registry()
    return None if Path(name).is_file() else known.get(name) or known.get(name.removesuffix(".weights"))


def find_weights(name: str, *, offline: bool = False) -> Path:
    """Return the file that `--weights NAME` means; download it if needed.

    Args:
        name: a path, a URL of a store, or the name of published weights. An existing file is used first.
        offline: do not use the network; `YOLO_OFFLINE=1` has the same effect.

    Raises:
        WeightsError: neither a file nor a known name, or offline and not downloaded yet.
        DownloadError: the download failed.
    """
    if is_url(name):
        return fetch_file(name)
    entry = find_published(name)
    if entry is None:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise WeightsError(f"--weights {name}: no such file{_suggest(path)}")
    with local_main_first(f"download {entry.file_name}"):
        path = entry.find_local() or _download_to_cache(entry, offline=offline)
    score_on = f"; evaluate it only on {entry.score_on}" if entry.score_on else ""
    logger.info("%s: published weights, trained on %s%s", path, entry.trained_on, score_on)
    return path


def find_weights_and_cfg(weights: str, cfg: str | None, *, offline: bool = False) -> tuple[Path, str | None]:
    """Return the file that `--weights` means, and its cfg: the given one, else that of published weights, else None.

    Raises:
        YoloError: see `find_weights`.
    """
    entry = find_published(weights)
    return find_weights(weights, offline=offline), cfg or (entry.cfg if entry else None)


def download_urls(entry: PublishedWeights) -> tuple[str, ...]:
    """Return the URLs to download a file from: the environment's mirror, else the publisher's."""
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    if not mirror:
        return entry.urls
    base = mirror if "://" in mirror else Path(mirror).expanduser().resolve().as_uri()
    return (f"{base.rstrip('/')}/{entry.file_name}",)


def is_offline() -> bool:
    """Return whether the environment forbids the network."""
    return os.environ.get(OFFLINE_VARIABLE, "").lower() not in ("", "0", "false", "no")


def _download_to_cache(entry: PublishedWeights, *, offline: bool) -> Path:
    """Download into the cache, unless another process has just done so."""
    urls = download_urls(entry)
    if offline or is_offline():
        urls = tuple(url for url in urls if url.startswith("file:"))
    folder, path = entry.candidate_paths()
    by_hand = (
        f"put {entry.file_name} ({entry.num_bytes:,} bytes, {entry.urls[0]}) into {folder.parent}/ or {path.parent}/"
    )
    if not urls:
        raise WeightsError(f"--weights {entry.name}: not downloaded yet, and offline; {by_hand}")
    problems = []
    try:
        with lock_file(path.with_name(f".{path.name}.lock")):
            if path.is_file():
                return path
            for url in urls:
                problem = _try_download(entry, url, path)
                if not problem:
                    return path
                problems.append(problem)
    except OSError as error:
        problems.append(f"{path.parent}: cannot be written: {error.strerror}")
    raise DownloadError(
        f"--weights {entry.name}: {'; '.join(problems)}; {by_hand}, or name a mirror in {MIRROR_VARIABLE}"
    )


def _try_download(entry: PublishedWeights, url: str, path: Path) -> str:
    """Download from one URL and return the error message, empty on success."""
    try:
        download(url, path, num_bytes=entry.num_bytes, sha256=entry.sha256, check=_check_header)
    except DownloadError as error:
        return str(error)
    return ""


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        parse_weights_header(file.read(MAX_HEADER_BYTES), path)


def _suggest(path: Path) -> str:
    """Return what the user may have meant by a path that does not exist."""
    if path.parent == Path() and path.suffix not in (".pt", ".pth", ".safetensors"):
        near = difflib.get_close_matches(path.name.removesuffix(".weights"), registry())
        similar = f"similar: {', '.join(near)}" if near else "no similar name"
        return f", nor the name of published weights ({similar}; `python -m yolo.weights list` lists them)"
    if entry := find_published(path.name):
        return f"; check the path, or give only its name to download it: --weights {entry.name}"
    return "; check the path"
