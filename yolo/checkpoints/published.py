"""Published weights by name: what is known of them, and their files, fetched once and kept."""

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

FOLDER = Path("weights")  # in the working folder: files that lie there are never fetched
OFFLINE = "YOLO_OFFLINE"
MIRROR = "YOLO_WEIGHTS_MIRROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published weights file."""

    name: str
    cfg: str  # a shipped network
    num_bytes: int
    urls: tuple[str, ...]
    sha256: str | None = None
    trained_on: str
    score_on: str | None = None  # labelled images that it has not seen; None for the first layers of a network
    ap: float | None = None  # percent, at IoU .50 to .95
    ap50: float | None = None  # percent, at IoU .50
    measured_on: str | None = None

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.urls[0].rpartition("/")[2]

    def places(self) -> tuple[Path, Path]:
        """Where the file may lie: the working folder's `weights/`, and the cache, into which it is fetched."""
        return FOLDER / self.file, cache_folder("weights") / self.file

    def found(self) -> Path | None:
        """The file, if it is here."""
        return next((path for path in self.places() if path.is_file()), None)


@cache
def registry() -> dict[str, Published]:
    """All published weights that are known, by name."""
    entries = yaml.safe_load((shipped_folder("weights") / "registry.yaml").read_text(encoding="utf-8"))
    return {name: Published(**{**entry, "name": name, "urls": tuple(entry["urls"])}) for name, entry in entries.items()}


def published(name: str) -> Published | None:
    """The entry that `--weights NAME` means, with or without `.weights`; none if there is a file of that name."""
    known = registry()
    return None if Path(name).is_file() else known.get(name) or known.get(name.removesuffix(".weights"))


def find_weights(name: str, *, offline: bool = False) -> Path:
    """The file that `--weights NAME` means; fetched if it is a URL, or the name of published weights that are not here.

    Args:
        name: a path, a URL of a store, or the name of published weights. A file that exists wins.
        offline: never touch the network; `YOLO_OFFLINE=1` says so too.

    Raises:
        WeightsError: neither a file nor a known name, or offline and not here.
        DownloadError: it cannot be fetched.
    """
    if is_url(name):
        return fetch_file(name)
    entry = published(name)
    if entry is None:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise WeightsError(f"--weights {name}: no such file{_hint(path)}")
    with local_main_first(f"fetch {entry.file}"):
        path = entry.found() or _fetch_locked(entry, offline=offline)
    score_on = f"; score it on {entry.score_on} alone" if entry.score_on else ""
    logger.info("%s: published weights, trained on %s%s", path, entry.trained_on, score_on)
    return path


def find_with_network(weights: str, cfg: str | None, *, offline: bool = False) -> tuple[Path, str | None]:
    """The file that `--weights` means, and its network: the given one, else that of published weights, else none.

    Raises:
        YoloError: as `find_weights`.
    """
    entry = published(weights)
    return find_weights(weights, offline=offline), cfg or (entry.cfg if entry else None)


def addresses(entry: Published) -> tuple[str, ...]:
    """Where to fetch a file from: the mirror that the environment names, else the publisher's addresses."""
    mirror = os.environ.get(MIRROR, "")
    if not mirror:
        return entry.urls
    base = mirror if "://" in mirror else Path(mirror).expanduser().resolve().as_uri()
    return (f"{base.rstrip('/')}/{entry.file}",)


def is_offline() -> bool:
    """Whether the environment forbids the network."""
    return os.environ.get(OFFLINE, "").lower() not in ("", "0", "false", "no")


def _fetch_locked(entry: Published, *, offline: bool) -> Path:
    """Fetch into the cache, unless another process has just done so."""
    urls = addresses(entry)
    if offline or is_offline():
        urls = tuple(url for url in urls if url.startswith("file:"))
    folder, path = entry.places()
    by_hand = f"put {entry.file} ({entry.num_bytes:,} bytes, {entry.urls[0]}) into {folder.parent}/ or {path.parent}/"
    if not urls:
        raise WeightsError(f"--weights {entry.name}: not here, and offline; {by_hand}")
    problems = []
    try:
        with lock_file(path.with_name(f".{path.name}.lock")):
            if path.is_file():
                return path
            for url in urls:
                problem = _problem(entry, url, path)
                if not problem:
                    return path
                problems.append(problem)
    except OSError as error:
        problems.append(f"{path.parent}: cannot be written: {error.strerror}")
    raise DownloadError(f"--weights {entry.name}: {'; '.join(problems)}; {by_hand}, or name a mirror in {MIRROR}")


def _problem(entry: Published, url: str, path: Path) -> str:
    """Fetch from one address; why it failed, or nothing."""
    try:
        download(url, path, num_bytes=entry.num_bytes, sha256=entry.sha256, check=_check_header)
    except DownloadError as error:
        return str(error)
    return ""


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        parse_weights_header(file.read(MAX_HEADER_BYTES), path)


def _hint(path: Path) -> str:
    """What else a path that does not exist may have meant."""
    if path.parent == Path() and path.suffix not in (".pt", ".pth", ".safetensors"):
        near = difflib.get_close_matches(path.name.removesuffix(".weights"), registry())
        named = f"near: {', '.join(near)}" if near else "none is near"
        return f", nor the name of published weights ({named}; `python -m yolo.weights list` lists them)"
    if entry := published(path.name):
        return f"; check the path, or give its name alone to have it fetched: --weights {entry.name}"
    return "; check the path"
