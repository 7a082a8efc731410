"""Settings of programs that run as several processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from yolo.errors import require, require_ranges

Backend = Literal["auto", "nccl", "gloo", "horovod"]
Platform = Literal["", "modelarts"]
MAX_MINUTES = 100_000
Compression = Literal["none", "fp16", "bf16", "powersgd"]


@dataclass(frozen=True, kw_only=True)
class LaunchSettings:
    """Start of several processes; torchrun, srun, mpirun and horovodrun are detected automatically."""

    nproc: int = 0
    """Number of processes to start on this machine; 0: one, or those of the launcher."""
    devices: str = ""
    """Start one process on each of these GPUs: 0,1,3."""
    max_restarts: int = 0
    """With --nproc or --devices: maximum number of restarts from last.pt after a process failed."""
    dist_backend: Backend = "auto"
    """Communication backend; auto: nccl on GPUs, gloo on CPUs."""
    dist_url: str = ""
    """Rendezvous address: tcp://HOST:PORT or file:///SHARED/FILE; default: that of the launcher."""
    dist_timeout: float = 30.0
    """Minutes that a process waits for the others before the run fails."""
    platform: Platform = ""
    """modelarts: read the machines from the variables of Huawei ModelArts, and ignore unknown arguments."""

    def __post_init__(self) -> None:
        require("--nproc", self.nproc, self.nproc >= 0, "0 or more")
        given = [part.strip() for part in self.devices.split(",") if part.strip()]
        are_valid = all(part.isdigit() for part in given) and len(set(given)) == len(given)
        require("--devices", self.devices, are_valid, "numbers of different GPUs: 0,1,3")
        is_consistent = not (self.nproc and given) or self.nproc == len(given)
        require("--devices", self.devices, is_consistent, "it without --nproc, or as many as --nproc")
        require_ranges(self, nproc=(0, 1024), max_restarts=(0, 1000))
        require(
            "--dist-timeout",
            self.dist_timeout,
            0 < self.dist_timeout <= MAX_MINUTES,
            f"minutes, above 0 and up to {MAX_MINUTES}",
        )

    @property
    def processes(self) -> int:
        """Number of processes to start on this machine; 0: none are asked for."""
        return self.nproc or len([part for part in self.devices.split(",") if part.strip()])


@dataclass(frozen=True, kw_only=True)
class DistributedSettings(LaunchSettings):
    """Settings of distributed training."""

    sync_bn: bool = False
    """Synchronise batch normalisation over all processes; for few images per process."""
    grad_compression: Compression = "none"
    """Compression of sent gradients: fp16 and bf16 halve the bytes, powersgd sends low-rank factors."""


class ProgramSettings(Protocol):
    """Settings of a program that can run as several processes."""

    @property
    def distributed(self) -> LaunchSettings: ...
