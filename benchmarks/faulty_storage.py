"""Train from S3 into S3 while the network fails and processes are killed; then compare every file, byte by byte.

A local S3 server (moto) runs behind a proxy that answers 503 and breaks connections. Two processes share one cache: one
is killed while it fetches, restarted, and killed again while it trains, and its disk is deleted; it resumes from the
store.

    python -m benchmarks.faulty_storage [--images 300] [--busy 9] [--cut-reads 7] [--cut-writes 4]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from tests.remote.faulty import Faults, proxy, s3_server
from yolo.data.drawn_shapes import ensure_shapes
from yolo.remote.open_store import open_store
from yolo.remote.upload import Uploader

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
SETTINGS = "--cfg shapes --epochs 4 --img-size 96 --batch-size 16 --workers 1 --cache none".split()  # noqa: SIM905
LOCAL = "runs/s3/bench/runs"


@dataclass(frozen=True)
class Arguments:
    """Train from S3 into S3 while the network fails and processes are killed; compare every file."""

    images: int = 300
    """Number of images of the data set."""
    busy: int = 9
    """Answer every n-th request with 503."""
    cut_reads: int = 7
    """Break off every n-th response in the middle."""
    cut_writes: int = 4
    """Break off every n-th upload in the middle."""


def local_files(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files of a folder by name, except hidden ones."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def stored_files(url: str) -> dict[str, bytes]:
    """Return the contents of the files of a folder in a store by name."""
    store = open_store(url)
    return {name: store.read(found.url, 0, found.size) for name, found in store.list_files(url).items()}


def start(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start training in a folder; the log is written beside it."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "yolo.train", *(() if "--resume" in arguments else SETTINGS), *arguments]
    with (folder.parent / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def kill_when(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Kill a process with SIGKILL as soon as a condition holds."""
    while not condition():
        assert process.poll() is None, "it ended too early"
        time.sleep(0.05)
    process.kill()
    process.wait()


def draw(folder: Path, count: int) -> Path:
    """Write the first images of the drawn data set as a data set, and return its folder."""
    shapes = ensure_shapes(folder / "shapes").parent
    for split, share in (("train", count * 3 // 4), ("val", count // 4)):
        lines = (shapes / f"shapes-{split}.txt").read_text().splitlines(keepends=True)[:share]
        (shapes / f"shapes-{split}.txt").write_text("".join(lines))
        names = {Path(line.strip()).stem for line in lines}
        for path in [*shapes.glob(f"images/shapes_{split}_*"), *shapes.glob(f"labels/shapes_{split}_*")]:
            if path.stem not in names:
                path.unlink()
    for path in [*shapes.rglob("shapes_test_*"), shapes / "shapes-test.txt"]:
        path.unlink()
    text = (shapes / "shapes.data").read_text()
    (shapes / "shapes.data").write_text("".join(line for line in text.splitlines(keepends=True) if "test" not in line))
    return shapes


def check(what: str, ours: dict[str, bytes], theirs: dict[str, bytes]) -> None:
    """Compare files; exit with status 1 if any differ."""
    differ = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    size = sum(map(len, ours.values())) / 1e6
    print(f"{what}: {len(ours)} files, {size:.1f} MB: {'all the same' if not differ else f'DIFFERENT: {differ[:5]}'}")
    if differ:
        raise SystemExit(1)


def main() -> None:
    """Run the server, the two runs, and the comparison."""
    chosen = tyro.cli(Arguments)
    faults = Faults()
    with tempfile.TemporaryDirectory() as name, s3_server() as port, proxy(port, faults) as endpoint:
        folder = Path(name)
        os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": endpoint}
        os.environ |= {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        os.environ |= {"AWS_DEFAULT_REGION": "us-east-1"}
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/bench", method="PUT")):
            pass
        drawn = draw(folder, chosen.images)
        assert Uploader(drawn, "s3://bench/sets/shapes").finish()
        faults.busy, faults.cut_reads, faults.cut_writes = chosen.busy, chosen.cut_reads, chosen.cut_writes
        begun = time.monotonic()
        train_two_runs(folder)
        seconds = time.monotonic() - begun
        share = 100 * faults.counts["failed"] / faults.counts["all"]
        print(
            f"{seconds:.0f} s; {faults.counts['all']} requests, {faults.counts['failed']} made to fail ({share:.0f} %)"
        )
        faults.reset()
        (cache,) = (folder / "cache/yolo/remote").glob("*/bench/sets/shapes")
        check("data set in the cache and as it was drawn", local_files(cache), local_files(drawn))
        check(
            "run 'one' here and in the store",
            local_files(folder / "a" / LOCAL / "one"),
            stored_files("s3://bench/runs/one"),
        )
        check(
            "run 'two' on its third machine and in the store",
            local_files(folder / "c" / LOCAL / "two"),
            stored_files("s3://bench/runs/two"),
        )


def train_two_runs(folder: Path) -> None:
    """Train two runs, the second of which is killed twice."""
    data = ["--data", "s3://bench/sets/shapes/shapes.data", "--project", "s3://bench/runs", "--name"]
    cache = folder / "cache"
    second = start(folder / "b", "two", *data, "two")
    kill_when(second, lambda: len(list(cache.rglob("*.txt"))) > 30)
    print(f"killed while it fetched, with {len(list(cache.rglob('*.txt')))} label files here")
    first, second = start(folder / "a", "one", *data, "one"), start(folder / "b", "two", *data, "two")
    results = folder / "b" / LOCAL / "two" / "results.csv"
    kill_when(second, lambda: results.is_file() and len(results.read_text().splitlines()) > 2)
    shutil.rmtree(folder / "b")
    print("killed while it trained, in the third epoch or later; its disk is gone")
    second = start(folder / "c", "two", "--resume", "s3://bench/runs/two")
    for name, process in (("one", first), ("two", second)):
        if process.wait():
            raise SystemExit((folder / f"{name}.log").read_text())
    log = (folder / "two.log").read_text().replace("\r", "\n").splitlines()
    print(next(line for line in log if "resumed in epoch" in line))


if __name__ == "__main__":
    main()
