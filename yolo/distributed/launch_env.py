"""Rank and world size of this process, read from the environment variables of its launcher."""

from __future__ import annotations

import os
import re
import socket
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCALHOST = "127.0.0.1"
FIRST_PORT, NUM_PORTS = 20000, 12000  # below the range from which operating systems assign ports
STORE_FILE_VARIABLE = "YOLO_STORE_FILE"  # set by our own launcher for the processes of a single machine


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchEnv:
    """What a launcher tells one of its processes.

    Attributes:
        launcher: name of the launcher, for messages.
        rank: number of the process, from 0.
        world_size: number of processes on all machines.
        local_rank: number of the process on its machine, from 0.
        local_world_size: number of processes on this machine.
        rendezvous: URL of the store through which the processes find each other: tcp://HOST:PORT or file:///FILE.
        job: name of the job, equal for all its processes and restarts; empty: the launcher gives none.
        launcher_hosts_store: the launcher itself, not rank 0, listens at `rendezvous`.
    """

    launcher: str
    rank: int
    world_size: int
    local_rank: int = 0
    local_world_size: int = 1
    rendezvous: str = ""
    job: str = ""
    launcher_hosts_store: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.rank < self.world_size and 0 <= self.local_rank < self.local_world_size):
            raise SettingsError(
                f"{self.launcher} sets rank {self.rank} of {self.world_size}, local rank {self.local_rank} of "
                f"{self.local_world_size}, which is impossible; check its environment variables"
            )

    @property
    def is_one_machine(self) -> bool:
        """Whether all processes run on this machine."""
        return self.local_world_size == self.world_size

    def job_id(self, command: str) -> str:
        """Return an id for a command within the job; empty if the launcher gives the job no name."""
        return f"{self.job} {command}" if self.job else ""


def read_launch_env(environ: Mapping[str, str]) -> LaunchEnv | None:
    """Return what the launcher of this process says; None if no launcher started it.

    torchrun's variables come first: torchrun itself may run under SLURM or MPI.

    Raises:
        SettingsError: a variable is missing or invalid, or several machines are used and none is named as the first.
    """
    for launcher, read in READERS.items():
        try:
            env = read(environ)
        except (KeyError, ValueError) as error:
            problem = f"{error} is not set" if isinstance(error, KeyError) else error
            raise SettingsError(f"launched by {launcher}: {problem}; check its environment variables") from error
        if env is not None:
            return env
    return None


def _horovodrun(environ: Mapping[str, str]) -> LaunchEnv | None:
    if "HOROVOD_RANK" not in environ:
        return None
    return LaunchEnv(
        launcher="horovodrun",
        rank=int(environ["HOROVOD_RANK"]),
        world_size=int(environ["HOROVOD_SIZE"]),
        local_rank=int(environ["HOROVOD_LOCAL_RANK"]),
        local_world_size=int(environ["HOROVOD_LOCAL_SIZE"]),
        rendezvous=_rendezvous(
            environ, "horovodrun", environ.get("HOROVOD_GLOO_RENDEZVOUS_ADDR", ""), environ["HOROVOD_SIZE"]
        ),
    )


def _torchrun(environ: Mapping[str, str]) -> LaunchEnv | None:
    """Read torchrun's variables, or only RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as set by Kubeflow.

    Without a local rank, each machine has one process.
    """
    if not {"RANK", "WORLD_SIZE"} <= set(environ):
        return None
    run, store_file = environ.get("TORCHELASTIC_RUN_ID", ""), environ.get(STORE_FILE_VARIABLE)
    return LaunchEnv(
        launcher="torchrun" if run else "RANK and WORLD_SIZE",
        rank=int(environ["RANK"]),
        world_size=int(environ["WORLD_SIZE"]),
        local_rank=int(environ.get("LOCAL_RANK", "0")),
        local_world_size=int(
            environ.get("LOCAL_WORLD_SIZE", "1" if "LOCAL_RANK" not in environ else environ["WORLD_SIZE"])
        ),
        rendezvous=f"file://{store_file}" if store_file else _tcp_url(environ["MASTER_ADDR"], environ["MASTER_PORT"]),
        job=f"torchrun {_agent_name() if run == 'none' else run}" if run else "",
        launcher_hosts_store=environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
    )


def _agent_name() -> str:
    """Identify torchrun's own process, which survives restarts, if --rdzv-id is not given."""
    return f"{socket.gethostname()} {os.getppid()}"


def _slurm(environ: Mapping[str, str]) -> LaunchEnv | None:
    """Read the variables of a step that `srun` started; a batch script itself is not a step."""
    if int(environ.get("SLURM_STEP_NUM_TASKS", "1")) < 2:
        return None
    job, size = environ["SLURM_JOB_ID"], int(environ["SLURM_STEP_NUM_TASKS"])
    local_size = _num_tasks_on_node(environ["SLURM_STEP_TASKS_PER_NODE"], int(environ["SLURM_NODEID"]))
    host = LOCALHOST if size == local_size else first_host(environ["SLURM_STEP_NODELIST"])
    return LaunchEnv(
        launcher="srun",
        rank=int(environ["SLURM_PROCID"]),
        world_size=size,
        local_rank=int(environ["SLURM_LOCALID"]),
        local_world_size=local_size,
        job=f"slurm {job}",
        rendezvous=_rendezvous(environ, "srun", host, f"{job}.{environ.get('SLURM_STEP_ID', '')}"),
    )


def _open_mpi(environ: Mapping[str, str]) -> LaunchEnv | None:
    if int(environ.get("OMPI_COMM_WORLD_SIZE", "1")) < 2:
        return None
    size, local_size = environ["OMPI_COMM_WORLD_SIZE"], environ["OMPI_COMM_WORLD_LOCAL_SIZE"]
    return LaunchEnv(
        launcher="mpirun",
        rank=int(environ["OMPI_COMM_WORLD_RANK"]),
        world_size=int(size),
        local_rank=int(environ["OMPI_COMM_WORLD_LOCAL_RANK"]),
        local_world_size=int(local_size),
        rendezvous=_rendezvous(
            environ,
            "mpirun",
            LOCALHOST if size == local_size else "",
            environ.get("PMIX_NAMESPACE", environ.get("PMIX_ID", "")),
        ),
    )


def _hydra(environ: Mapping[str, str]) -> LaunchEnv | None:
    """Read the variables of MPICH's and Intel's `mpirun`."""
    if int(environ.get("PMI_SIZE", "1")) < 2:
        return None
    size, local_size = environ["PMI_SIZE"], environ.get("MPI_LOCALNRANKS", environ["PMI_SIZE"])
    return LaunchEnv(
        launcher="mpirun",
        rank=int(environ["PMI_RANK"]),
        world_size=int(size),
        local_rank=int(environ.get("MPI_LOCALRANKID", environ["PMI_RANK"])),
        local_world_size=int(local_size),
        rendezvous=_rendezvous(
            environ, "mpirun", LOCALHOST if size == local_size else "", environ.get("HYDI_CONTROL_FD", "") + size
        ),
    )


def _rendezvous(environ: Mapping[str, str], launcher: str, host: str, job: str) -> str:
    """Return the URL of MASTER_ADDR and MASTER_PORT, else of the launcher's host and a port derived from the job."""
    host = environ.get("MASTER_ADDR", host)
    if not host:
        raise SettingsError(
            f"{launcher} started processes on several machines and does not name the first: set MASTER_ADDR to the "
            "address of rank 0's machine (mpirun -x MASTER_ADDR=...), and optionally MASTER_PORT"
        )
    return _tcp_url(host, environ.get("MASTER_PORT", FIRST_PORT + zlib.crc32(job.encode()) % NUM_PORTS))


def _tcp_url(host: str, port: str | int) -> str:
    return f"tcp://[{host}]:{int(port)}" if ":" in host else f"tcp://{host}:{int(port)}"


def first_host(nodelist: str) -> str:
    """Return the first host of a SLURM node list: `gpu[03-05,9],x1` gives `gpu03`."""
    first = re.match(r"([^\[,]+)(?:\[(\d+)[^\]]*\])?([^\[,]*)", nodelist)
    if first is None:
        raise ValueError(f"SLURM_STEP_NODELIST={nodelist!r} names no host")
    return "".join(part or "" for part in first.groups())


def _num_tasks_on_node(tasks_per_node: str, node: int) -> int:
    """Return an entry of a SLURM list of counts: `4(x2),1` means 4, 4, 1."""
    counts: list[int] = []
    for part in tasks_per_node.split(","):
        count, _, times = part.rstrip(")").partition("(x")
        counts += [int(count)] * int(times or 1)
    return counts[node]


READERS = {
    "horovodrun": _horovodrun,
    "torchrun": _torchrun,
    "SLURM": _slurm,
    "Open MPI": _open_mpi,
    "MPICH or Intel MPI": _hydra,
}
