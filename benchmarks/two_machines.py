"""Train on two machines, lose one of them, and report the logs, the time to recover, and the epochs trained.

    python -m benchmarks.two_machines kill      # kill the processes of the second machine
    python -m benchmarks.two_machines cut       # cut its cable: the first machine is not notified
    python -m benchmarks.two_machines return    # kill it, and start it again later

The machines are two network namespaces joined by a veth pair, each with a torchrun agent of its own; they share a
folder, as machines of a cluster do. The first one hosts the rendezvous. Needs root and `ip` (Debian: iproute2).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
ADDRESS = {"yolo-a": "10.77.0.1", "yolo-b": "10.77.0.2"}
EPOCHS = 6
DRAW_DATA_CODE = "from yolo.data.formats.open_dataset import open_dataset; open_dataset('shapes').index('train')"


def ip(*arguments: str) -> None:
    """Run `ip` with these arguments."""
    subprocess.run(["ip", *arguments], check=True)


@contextlib.contextmanager
def machines() -> Iterator[None]:
    """Create two network namespaces, connected by a cable, within the block."""
    for name in ADDRESS:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        ip("netns", "add", name)
    try:
        ip("link", "add", "yolo-a", "netns", "yolo-a", "type", "veth", "peer", "name", "yolo-b", "netns", "yolo-b")
        for name, address in ADDRESS.items():
            ip("-n", name, "address", "add", f"{address}/24", "dev", name)
            ip("-n", name, "link", "set", name, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in ADDRESS:
            subprocess.run(["ip", "netns", "del", name], check=False)


@dataclass
class Agent:
    """The torchrun agent of one machine, and the log of agent and worker."""

    name: str
    folder: Path
    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, name: str, folder: Path) -> Agent:
        """Start the agent of a machine in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / f"{name}.log"
        launcher = "torchrun --nnodes 1:2 --nproc-per-node 1 --max-restarts 3 --rdzv-id job --rdzv-backend c10d "
        launcher += f"--rdzv-endpoint {ADDRESS['yolo-a']}:29400 --rdzv-conf is_host={int(name == 'yolo-a')} "
        launcher += f"--local-addr {ADDRESS[name]} -m yolo.train "
        training = f"--cfg shapes --data shapes --img-size 64 --epochs {EPOCHS} --workers 0 --cache none --device cpu "
        command = ["ip", "netns", "exec", name, *(launcher + training + "--name job --dist-timeout 0.5").split()]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": name}
        environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # otherwise torchrun 2.14 does not let a machine rejoin
        with log.open("ab") as file:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=file, stderr=file, start_new_session=True
            )
        return cls(name, folder, log, process)

    def text(self) -> str:
        return self.log.read_text().replace("\r", "\n") if self.log.is_file() else ""

    def wait_for(self, text: str) -> None:
        """Wait until the log contains a text."""
        while text not in self.text():
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended before {text!r}:\n{self.text()}")
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill agent and worker, as a power failure would."""
        found = subprocess.run(["ip", "netns", "pids", self.name], check=True, capture_output=True, text=True)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def main() -> None:
    """Lose a machine in the chosen way, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("how", choices=["kill", "cut", "return"])
    how = parser.parse_args().how
    work = Path(tempfile.mkdtemp(prefix="two-machines-"))
    subprocess.run(
        [sys.executable, "-c", DRAW_DATA_CODE],
        cwd=work, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True,
    )  # fmt: skip
    with machines():
        first, second = (Agent.start(name, work) for name in ADDRESS)
        wait_for_any((first, second), f"epoch 2/{EPOCHS}")
        lost_at = time.monotonic()
        if how == "cut":
            ip("-n", second.name, "link", "set", second.name, "down")
        else:
            second.kill()
        first.wait_for("restarted by its launcher")
        print(f"--- {how}: resumed after {time.monotonic() - lost_at:.1f} s")
        if how == "return":
            first.wait_for(f"epoch 4/{EPOCHS}")
            Agent.start(second.name, work)
        first.process.wait()
        print(f"--- {first.name} ended with status {first.process.returncode}")
        second.kill()
    for agent in (first, second):
        print(f"--- {agent.name} printed")
        print("\n".join(line for line in agent.text().splitlines() if line.strip() and "batch/s" not in line))
    run = work / "runs" / "job"
    with (run / "results.csv").open() as file:
        print("--- epochs in results.csv:", [row["epoch"] for row in csv.DictReader(file)])
    print("--- images seen:", torch.load(run / "last.pt", weights_only=True)["state"]["images_seen"])


def wait_for_any(agents: tuple[Agent, ...], text: str) -> None:
    """Wait until the log of one agent contains a text; torchrun chooses which of them has rank 0 and prints it."""
    while not any(text in agent.text() for agent in agents):
        if any(agent.process.poll() is not None for agent in agents):
            raise SystemExit("\n".join(agent.text() for agent in agents))
        time.sleep(0.2)


if __name__ == "__main__":
    main()
