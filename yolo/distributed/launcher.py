"""Starts a program as several processes, through PyTorch's own elastic agent."""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolo.config.distributed_settings import LaunchSettings

MODELARTS_PORT = 29500
USERS_MISTAKE = 2  # the exit status of a process that has said what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """The machines of a job that each start their own processes."""

    count: int = 1
    index: int = 0  # of this one
    address: str = "localhost"  # of the first
    port: int = 0  # there; 0: any that is free
    processes: int = 1  # that each starts

    @classmethod
    def of_modelarts(cls, env: Mapping[str, str]) -> Machines:
        """Those that ModelArts gave a job.

        Raises:
            SettingsError: its variables are not there.
        """
        try:
            count, index = int(env["MA_NUM_HOSTS"]), int(env["VC_TASK_INDEX"])
            hosts = env["VC_WORKER_HOSTS"].split(",")
            gpus = int(env.get("MA_NUM_GPUS", "0"))
        except (KeyError, ValueError) as error:
            raise SettingsError(
                f"--platform modelarts: {error} among the variables MA_NUM_HOSTS, VC_TASK_INDEX, VC_WORKER_HOSTS and "
                "MA_NUM_GPUS, which ModelArts sets; leave the flag out elsewhere"
            ) from error
        return cls(count=count, index=index, address=hosts[0], port=MODELARTS_PORT, processes=max(gpus, 1))


def launch(module: str, arguments: Sequence[str], settings: LaunchSettings) -> int:
    """Run `python -m MODULE ARGUMENTS` as several processes and give the exit status of all.

    A process that fails ends the others within seconds; with restarts left, all are started anew. An interrupt or
    SIGTERM is passed on.

    Raises:
        SettingsError: there are fewer GPUs than asked for.
    """
    machines = Machines(processes=settings.processes)
    if settings.platform == "modelarts":
        machines = Machines.of_modelarts(os.environ)
    _see_devices(settings.devices)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // machines.processes)))
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what it says is said below
    config = LaunchConfig(
        min_nodes=machines.count,
        max_nodes=machines.count,
        nproc_per_node=machines.processes,
        run_id=os.environ.get("MA_JOB_ID") or uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint=f"{machines.address}:{machines.port}",
        rdzv_configs={"is_host": machines.index == 0} if machines.count > 1 else {},
        max_restarts=settings.max_restarts,
        monitor_interval=0.1,
    )
    try:
        elastic_launch(config, sys.executable)("-m", module, *arguments)
    except ChildFailedError as error:
        return _tell(error)
    except SignalException as error:
        return 0 if error.sigval in (signal.SIGINT, signal.SIGTERM) else 128 + error.sigval
    return 0


def _see_devices(devices: str) -> None:
    """Let the processes see these GPUs alone."""
    numbers = [int(part) for part in devices.split(",") if part.strip()]
    if not numbers:
        return
    if max(numbers) >= torch.cuda.device_count():
        raise SettingsError(
            f"--devices {devices}: this machine has {torch.cuda.device_count()} GPUs; use their numbers"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, numbers))


def _tell(error: ChildFailedError) -> int:
    """Say which process failed first, unless it has said why itself; the exit status for that."""
    rank, failure = error.get_first_failure()
    if failure.exitcode == USERS_MISTAKE:
        return USERS_MISTAKE
    what = f"ended with status {failure.exitcode}"
    if failure.exitcode < 0:
        what = f"was ended by {signal.Signals(-failure.exitcode).name}"
    sys.stderr.write(f"rank {rank} (process {failure.pid}) {what}; the others were stopped\n")
    return 1
