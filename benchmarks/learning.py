"""Measure how well recipes learn: networks x data sets x budgets x recipes x seeds, in one table of means.

    python -m benchmarks learning --results learning.json --networks yolov3-tiny \
        --data bccd=path/to/BCCD kangaroo=path/to/kangaroo --epochs 10 30 --seeds 0 1 2 \
        --recipes default= adamw='--optimizer adamw --lr0 0.002'

Each run is `python -m yolo.train` in a process of its own. Runs whose result the file already has are skipped, so a
bench may be stopped at any time, goes on where it was, and may grow by networks, data sets, recipes and seeds.
`--table` only prints what the file has. Another commit makes other runs, unless `--any-commit` is given.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolo.log import progress
from yolo.storage import atomic_path, lock_file
from yolo.text_table import align_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEEP_FREED_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}
SCORES = ("mAP50", "mAP50-95", "precision", "recall")


@dataclass(frozen=True)
class Run:
    """One run of the bench."""

    commit: str
    network: str
    data: str  # its name in the table
    epochs: int
    recipe: str  # its name in the table
    flags: str  # of the recipe
    img_size: int
    batch_size: int
    seed: int

    @property
    def key(self) -> str:
        """What a result is stored under."""
        return json.dumps(asdict(self))

    @property
    def row(self) -> tuple[str, ...]:
        """The row of the table that averages this run."""
        budget = f"{self.epochs} x {self.img_size} px b{self.batch_size}"
        return self.network, self.data, budget, self.recipe, self.commit


def train(run: Run, data: str, num_threads: int) -> dict[str, Any]:
    """Train in a temporary folder.

    Returns:
        The scores of the best and the last epoch, the AP50-95 of each class at the best epoch, and the seconds it took.

    Raises:
        RuntimeError: the run failed; the message has the end of its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "yolo.train",
            "--cfg",
            run.network,
            "--data",
            data,
            "--epochs",
            str(run.epochs),
        ]
        command += ["--img-size", str(run.img_size), "--batch-size", str(run.batch_size), "--seed", str(run.seed)]
        command += ["--project", folder, "--name", "run", "--patience", "0", "--workers", "1", *shlex.split(run.flags)]
        start = time.monotonic()
        environment = os.environ | KEEP_FREED_MEMORY | {"OMP_NUM_THREADS": str(num_threads)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise RuntimeError(f"{shlex.join(command)}\n{done.stderr[-2000:]}")
        with Path(folder, "run", "results.csv").open(encoding="utf-8", newline="") as file:
            rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    seconds = time.monotonic() - start
    best = max(rows, key=lambda row: row.get("metrics/mAP50", 0.0) + row.get("metrics/mAP50-95", 0.0))
    classes = {name: value for name, value in best.items() if name.startswith("AP50-95/")}
    scores = {
        when: {name: row[f"metrics/{name}"] for name in SCORES} for when, row in (("best", best), ("last", rows[-1]))
    }
    return scores | {"epoch": best["epoch"], "classes": classes, "seconds": seconds}


def read_results(path: Path) -> dict[str, Any]:
    """Return the stored results by the key of their run."""
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return results


def add_result(path: Path, run: Run, result: dict[str, Any]) -> None:
    """Store a result; several processes may store theirs in the same file."""
    with lock_file(path.with_suffix(".lock")):
        results = read_results(path) | {run.key: result}
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def table(results: dict[str, Any]) -> list[str]:
    """Return the lines of a table: each row is the mean of its seeds, with the standard deviation of mAP50."""
    rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for key, result in results.items():
        rows.setdefault(Run(**json.loads(key)).row, []).append(result)
    cells = [("network", "data", "budget", "recipe", "commit", "seeds", "mAP50", "+-", "mAP50-95", "last", "minutes")]
    for row, found in sorted(rows.items()):
        scores = [result["best"]["mAP50"] for result in found]
        spread = f"{statistics.stdev(scores):.3f}" if len(scores) > 1 else ""
        strict = statistics.mean(result["best"]["mAP50-95"] for result in found)
        last = statistics.mean(result["last"]["mAP50"] for result in found)
        minutes = statistics.mean(result["seconds"] for result in found) / 60
        mean = f"{statistics.mean(scores):.3f}"
        cells.append((*row, str(len(found)), mean, spread, f"{strict:.3f}", f"{last:.3f}", f"{minutes:.1f}"))  # type: ignore[arg-type]
    return align_columns(cells, left=range(5))


def plan_runs(options: argparse.Namespace, commit: str) -> Iterable[Run]:
    """Yield all runs that the options ask for; all networks and data sets have one seed before any has two."""
    recipes = [text.partition("=")[::2] for text in options.recipes]
    names = [text.partition("=")[0] for text in options.data]
    for seed, epochs, data, network, (recipe, flags) in itertools.product(
        options.seeds, options.epochs, names, options.networks, recipes
    ):
        yield Run(commit, network, data, epochs, recipe, flags, options.img_size, options.batch_size, seed)


def current_commit() -> str:
    """Return the abbreviated commit of the working directory, with a plus sign if files have changed since."""
    return subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=True
    ).stdout.strip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="JSON file of results")
    parser.add_argument("--networks", nargs="+", default=["yolov3-tiny"])
    parser.add_argument("--data", nargs="+", default=["shapes=shapes"], help="NAME=PATH of each data set")
    parser.add_argument("--epochs", nargs="+", type=int, default=[10])
    parser.add_argument("--recipes", nargs="+", default=["default="], help="NAME=FLAGS of each recipe")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--img-size", type=int, default=320)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; each gets its part of the cores")
    parser.add_argument("--table", action="store_true", help="print the table of what the file has, and run nothing")
    parser.add_argument("--any-commit", action="store_true", help="take results of other commits too")
    options = parser.parse_args(arguments)
    if not options.table:
        run_missing(options)
    sys.stdout.write("\n".join(table(read_results(options.results))) + "\n")


def run_missing(options: argparse.Namespace) -> None:
    """Make the runs that the results lack."""
    paths = dict(text.partition("=")[::2] for text in options.data)
    stored = [Run(**json.loads(key)) for key in read_results(options.results)]
    if options.any_commit:
        stored = [Run(**(asdict(run) | {"commit": current_commit()})) for run in stored]
    runs = [run for run in plan_runs(options, current_commit()) if run not in stored]
    num_threads = max(1, (os.cpu_count() or 1) // options.jobs)

    def run_one(run: Run) -> None:
        add_result(options.results, run, train(run, paths[run.data], num_threads))

    with ThreadPoolExecutor(options.jobs) as pool:
        for _ in progress(pool.map(run_one, runs), "runs", total=len(runs), unit=" runs", delay=0):
            pass


if __name__ == "__main__":
    main()
