"""Start a program as several processes with PyTorch's elastic agent."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from yolo.distributed.agent_rendezvous import register_agent_rendezvous
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolo.config.distributed_settings import LaunchSettings

MODELARTS_PORT = 29500
USER_ERROR_STATUS = 2  # exit status of a process that has printed what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """The machines of a job, each of which starts its own processes.

    Attributes:
        count: number of machines.
        index: number of this machine, from 0.
        address: host name of the first machine.
        port: port on the first machine; 0: a single machine needs none.
        processes: number of processes that each machine starts.
    """

    count: int = 1
    index: int = 0
    address: str = "localhost"
    port: int = 0
    processes: int = 1

    @classmethod
    def from_modelarts(cls, environ: Mapping[str, str]) -> Machines:
        """Read the machines of a ModelArts job from its environment variables.

        Raises:
            SettingsError: a variable is missing or invalid.
        """
        try:
            count, index = int(environ["MA_NUM_HOSTS"]), int(environ["VC_TASK_INDEX"])
            hosts = environ["VC_WORKER_HOSTS"].split(",")
            gpus = int(environ.get("MA_NUM_GPUS", "0"))
        except (KeyError, ValueError) as error:
            raise SettingsError(
                f"--platform modelarts: {error} is missing or invalid among the variables MA_NUM_HOSTS, VC_TASK_INDEX, "
                "VC_WORKER_HOSTS and MA_NUM_GPUS, which ModelArts sets; drop the flag elsewhere"
            ) from error
        return cls(count=count, index=index, address=hosts[0], port=MODELARTS_PORT, processes=max(gpus, 1))


def launch(module: str, arguments: Sequence[str], settings: LaunchSettings) -> int:
    """Run `python -m MODULE ARGUMENTS` as several processes and return their common exit status.

    If a process fails, the others are stopped within seconds, and all are restarted if restarts are left. SIGINT and
    SIGTERM are passed on.

    Raises:
        SettingsError: a chosen GPU does not exist.
    """
    machines = Machines(processes=settings.processes)
    if settings.platform == "modelarts":
        machines = Machines.from_modelarts(os.environ)
    _restrict_gpus(settings.devices)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // machines.processes)))
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # reported below
    try:
        with tempfile.TemporaryDirectory(prefix="yolo-") as folder:  # of mode 0700
            config = _config(machines, settings.max_restarts, folder)
            elastic_launch(config, sys.executable)("-m", module, *arguments)
    except ChildFailedError as error:
        return _report_failure(error)
    except SignalException as error:
        return 0 if error.sigval in (signal.SIGINT, signal.SIGTERM) else 128 + error.sigval
    return 0


def _config(machines: Machines, max_restarts: int, folder: str) -> LaunchConfig:
    return LaunchConfig(
        min_nodes=machines.count,
        max_nodes=machines.count,
        nproc_per_node=machines.processes,
        run_id=os.environ.get("MA_JOB_ID") or uuid4().hex,
        rdzv_backend=register_agent_rendezvous(),
        rdzv_endpoint=f"{machines.address}:{machines.port}",
        rdzv_configs={"index": machines.index, "folder": folder},
        max_restarts=max_restarts,
        monitor_interval=0.1,
    )


def _restrict_gpus(devices: str) -> None:
    """Make only these GPUs visible to the processes."""
    numbers = [int(part) for part in devices.split(",") if part.strip()]
    if not numbers:
        return
    if max(numbers) >= torch.cuda.device_count():
        raise SettingsError(
            f"--devices {devices}: this machine has {torch.cuda.device_count()} GPUs; use numbers below that"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, numbers))


def _report_failure(error: ChildFailedError) -> int:
    """Report which process failed first, unless it has done so itself, and return the exit status."""
    rank, failure = error.get_first_failure()
    if failure.exitcode == USER_ERROR_STATUS:
        return USER_ERROR_STATUS
    what = f"ended with status {failure.exitcode}"
    if failure.exitcode < 0:
        what = f"was ended by {signal.Signals(-failure.exitcode).name}"
    sys.stderr.write(f"rank {rank} (process {failure.pid}) {what}; the others were stopped\n")
    return 1
