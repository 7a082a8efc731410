"""Settings of programs that run as several processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from yolo.errors import require

Backend = Literal["auto", "nccl", "gloo", "horovod"]
Platform = Literal["", "modelarts"]
Compression = Literal["none", "fp16", "bf16", "powersgd"]


@dataclass(frozen=True, kw_only=True)
class LaunchSettings:
    """Processes that work together; torchrun, srun, mpirun and horovodrun are recognised by themselves."""

    nproc: int = 0
    """Start so many processes on this machine; 0: one, or what a launcher started."""
    devices: str = ""
    """Start a process on each of these GPUs: 0,1,3."""
    max_restarts: int = 0
    """With --nproc or --devices: start all anew, from last.pt, when one fails, at most so often."""
    dist_backend: Backend = "auto"
    """How processes talk; auto: nccl on GPUs, gloo on CPUs."""
    dist_url: str = ""
    """Where they meet: tcp://HOST:PORT or file:///SHARED/FILE; default: what the launcher says."""
    dist_timeout: float = 30.0
    """Minutes that a process waits for the others within a step before the run ends."""
    platform: Platform = ""
    """modelarts: take the machines from Huawei ModelArts' variables, and pass over unknown arguments."""

    def __post_init__(self) -> None:
        require("--nproc", self.nproc, self.nproc >= 0, "0 or more")
        given = [part.strip() for part in self.devices.split(",") if part.strip()]
        numbers = all(part.isdigit() for part in given) and len(set(given)) == len(given)
        require("--devices", self.devices, numbers, "numbers of different GPUs: 0,1,3")
        same = not (self.nproc and given) or self.nproc == len(given)
        require("--devices", self.devices, same, "it without --nproc, or as many as --nproc")
        require("--max-restarts", self.max_restarts, self.max_restarts >= 0, "0 or more")
        require("--dist-timeout", self.dist_timeout, self.dist_timeout > 0, "minutes, more than 0")

    @property
    def processes(self) -> int:
        """How many this machine is asked to start; 0: none."""
        return self.nproc or len([part for part in self.devices.split(",") if part.strip()])


@dataclass(frozen=True, kw_only=True)
class DistributedSettings(LaunchSettings):
    """What training adds to them."""

    sync_bn: bool = False
    """Batch normalisation over the images of all processes; for few images a process."""
    grad_compression: Compression = "none"
    """What gradients travel as: fp16 and bf16 halve the bytes, powersgd sends low-rank parts."""


class ProgramSettings(Protocol):
    """Settings of a program that may run as many processes."""

    @property
    def distributed(self) -> LaunchSettings: ...
