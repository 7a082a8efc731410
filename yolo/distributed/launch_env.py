"""Which of many processes this is, as its launcher's environment variables tell."""

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
FIRST_PORT, NUM_PORTS = 20000, 12000  # below the range from which systems hand out ports by themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchEnv:
    """A process among those that train together.

    Attributes:
        launcher: what started it, for messages.
        rank: among all, from 0.
        world_size: how many there are.
        local_rank: among those of its machine, from 0.
        local_world_size: how many its machine has.
        meeting: address and port where rank 0 listens.
        job: the same for all processes of a job and its restarts, of no other job; empty: nothing says.
        hosted: the launcher listens there, not rank 0.
    """

    launcher: str
    rank: int
    world_size: int
    local_rank: int = 0
    local_world_size: int = 1
    meeting: tuple[str, int] = (LOCALHOST, 0)
    job: str = ""
    hosted: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.rank < self.world_size and 0 <= self.local_rank < self.local_world_size):
            raise SettingsError(
                f"{self.launcher} says rank {self.rank} of {self.world_size}, local rank {self.local_rank} of "
                f"{self.local_world_size}: that is no place; see to its variables"
            )


def read_launch_env(environment: Mapping[str, str]) -> LaunchEnv | None:
    """The place of this process; None where no launcher started it.

    torchrun's variables come first: torchrun itself may run under SLURM or MPI.

    Raises:
        SettingsError: variables that cannot be read, or many machines and nothing that says which is first.
    """
    for find in (_horovodrun, _torchrun, _slurm, _open_mpi, _hydra):
        try:
            place = find(environment)
        except (KeyError, ValueError) as error:
            raise SettingsError(f"launched by {find.__name__.strip('_')}, but {error}; see to its variables") from error
        if place is not None:
            return place
    return None


def _horovodrun(env: Mapping[str, str]) -> LaunchEnv | None:
    if "HOROVOD_RANK" not in env:
        return None
    return LaunchEnv(
        launcher="horovodrun",
        rank=int(env["HOROVOD_RANK"]),
        world_size=int(env["HOROVOD_SIZE"]),
        local_rank=int(env["HOROVOD_LOCAL_RANK"]),
        local_world_size=int(env["HOROVOD_LOCAL_SIZE"]),
        meeting=_meeting(env, "horovodrun", env.get("HOROVOD_GLOO_RENDEZVOUS_ADDR", ""), env["HOROVOD_SIZE"]),
    )


def _torchrun(env: Mapping[str, str]) -> LaunchEnv | None:
    """Also of what gives RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT alone, as Kubeflow does: a process a machine."""
    if not {"RANK", "WORLD_SIZE"} <= set(env):
        return None
    run = env.get("TORCHELASTIC_RUN_ID", "")
    return LaunchEnv(
        launcher="torchrun" if run else "RANK and WORLD_SIZE",
        rank=int(env["RANK"]),
        world_size=int(env["WORLD_SIZE"]),
        local_rank=int(env.get("LOCAL_RANK", "0")),
        local_world_size=int(env.get("LOCAL_WORLD_SIZE", "1" if "LOCAL_RANK" not in env else env["WORLD_SIZE"])),
        meeting=(env["MASTER_ADDR"], int(env["MASTER_PORT"])),
        job=f"torchrun {_agent() if run == 'none' else run}" if run else "",
        hosted=env.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
    )


def _agent() -> str:
    """Torchrun's own process, which stays over restarts, where it has no --rdzv-id."""
    return f"{socket.gethostname()} {os.getppid()}"


def _slurm(env: Mapping[str, str]) -> LaunchEnv | None:
    """Of `srun`; a batch script has no step."""
    if int(env.get("SLURM_STEP_NUM_TASKS", "1")) < 2:
        return None
    job = env["SLURM_JOB_ID"]
    return LaunchEnv(
        launcher="srun",
        rank=int(env["SLURM_PROCID"]),
        world_size=int(env["SLURM_STEP_NUM_TASKS"]),
        local_rank=int(env["SLURM_LOCALID"]),
        local_world_size=_tasks_of_node(env["SLURM_STEP_TASKS_PER_NODE"], int(env["SLURM_NODEID"])),
        job=f"slurm {job}",
        meeting=_meeting(env, "srun", first_host(env["SLURM_STEP_NODELIST"]), f"{job}.{env.get('SLURM_STEP_ID', '')}"),
    )


def _open_mpi(env: Mapping[str, str]) -> LaunchEnv | None:
    if int(env.get("OMPI_COMM_WORLD_SIZE", "1")) < 2:
        return None
    size, local_size = env["OMPI_COMM_WORLD_SIZE"], env["OMPI_COMM_WORLD_LOCAL_SIZE"]
    return LaunchEnv(
        launcher="mpirun",
        rank=int(env["OMPI_COMM_WORLD_RANK"]),
        world_size=int(size),
        local_rank=int(env["OMPI_COMM_WORLD_LOCAL_RANK"]),
        local_world_size=int(local_size),
        meeting=_meeting(
            env, "mpirun", LOCALHOST if size == local_size else "", env.get("PMIX_NAMESPACE", env.get("PMIX_ID", ""))
        ),
    )


def _hydra(env: Mapping[str, str]) -> LaunchEnv | None:
    """Of MPICH's and Intel's `mpirun`."""
    if int(env.get("PMI_SIZE", "1")) < 2:
        return None
    size, local_size = env["PMI_SIZE"], env.get("MPI_LOCALNRANKS", env["PMI_SIZE"])
    return LaunchEnv(
        launcher="mpirun",
        rank=int(env["PMI_RANK"]),
        world_size=int(size),
        local_rank=int(env.get("MPI_LOCALRANKID", env["PMI_RANK"])),
        local_world_size=int(local_size),
        meeting=_meeting(env, "mpirun", LOCALHOST if size == local_size else "", env.get("HYDI_CONTROL_FD", "") + size),
    )


def _meeting(env: Mapping[str, str], launcher: str, address: str, job: str) -> tuple[str, int]:
    """Where the processes meet: what MASTER_ADDR and MASTER_PORT say, else what the launcher tells."""
    address = env.get("MASTER_ADDR", address)
    if not address:
        raise SettingsError(
            f"{launcher} started processes on several machines and does not say which is first: set MASTER_ADDR to "
            f"the address of the machine of rank 0 (mpirun -x MASTER_ADDR=...), and MASTER_PORT if you like"
        )
    return address, int(env.get("MASTER_PORT", FIRST_PORT + zlib.crc32(job.encode()) % NUM_PORTS))


def first_host(nodelist: str) -> str:
    """The first machine of SLURM's notation: `gpu[03-05,9],x1` gives `gpu03`."""
    first = re.match(r"([^\[,]+)(?:\[(\d+)[^\]]*\])?([^\[,]*)", nodelist)
    if first is None:
        raise ValueError(f"SLURM_STEP_NODELIST={nodelist!r} names no machine")
    return "".join(part or "" for part in first.groups())


def _tasks_of_node(tasks_per_node: str, node: int) -> int:
    """Of SLURM's notation, `4(x2),1` being 4, 4, 1."""
    counts: list[int] = []
    for part in tasks_per_node.split(","):
        count, _, times = part.rstrip(")").partition("(x")
        counts += [int(count)] * int(times or 1)
    return counts[node]
