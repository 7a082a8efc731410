"""Launchers, recognised by the variables that they set."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.distributed.launch_env import FIRST_PORT, NUM_PORTS, LaunchEnv, first_host, read_launch_env
from yolo.errors import SettingsError

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "a1",
    "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "j7", "TORCHELASTIC_RESTART_COUNT": "2",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}  # fmt: skip
SRUN = {
    "SLURM_JOB_ID": "812", "SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NODEID": "1",
    "SLURM_STEP_NUM_TASKS": "5", "SLURM_STEP_TASKS_PER_NODE": "2(x2),1", "SLURM_STEP_NODELIST": "gpu[03-04,9]",
}  # fmt: skip
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "prterun-host-9@1",
}  # fmt: skip
HYDRA = {"PMI_RANK": "1", "PMI_SIZE": "3", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "3"}
HOROVODRUN = {
    "HOROVOD_RANK": "1", "HOROVOD_SIZE": "2", "HOROVOD_LOCAL_RANK": "1", "HOROVOD_LOCAL_SIZE": "2",
    "HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1",
}  # fmt: skip


def test_no_launcher() -> None:
    assert (
        read_launch_env({"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "HOME": "/root"}) is None
    )  # a batch script, no srun


def test_torchrun() -> None:
    expected = LaunchEnv(
        launcher="torchrun", rank=5, world_size=8, local_rank=1, local_world_size=4, rendezvous="tcp://a1:29500",
        job="torchrun j7", launcher_hosts_store=True,
    )  # fmt: skip
    assert read_launch_env(TORCHRUN) == expected
    assert read_launch_env({**SRUN, **TORCHRUN}) == expected  # torchrun within srun


def test_torchrun_without_an_id_is_identified_by_its_process() -> None:
    launch_env = read_launch_env({**TORCHRUN, "TORCHELASTIC_RUN_ID": "none"})
    assert launch_env is not None
    assert launch_env.job == f"torchrun {socket.gethostname()} {os.getppid()}"


def test_one_process_per_machine_from_four_variables() -> None:
    env = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "job-master-0", "MASTER_PORT": "23456"}
    launch_env = read_launch_env(env)
    assert launch_env is not None
    assert (launch_env.rank, launch_env.world_size, launch_env.local_rank, launch_env.local_world_size) == (1, 2, 0, 1)
    assert (launch_env.rendezvous, launch_env.job, launch_env.launcher_hosts_store) == (
        "tcp://job-master-0:23456",
        "",
        False,
    )


def test_srun() -> None:
    launch_env = read_launch_env(SRUN)
    assert launch_env is not None
    assert (launch_env.rank, launch_env.world_size, launch_env.local_rank, launch_env.local_world_size) == (3, 5, 1, 2)
    address, _, port = launch_env.rendezvous.rpartition(":")
    assert address == "tcp://gpu03"
    assert FIRST_PORT <= int(port) < FIRST_PORT + NUM_PORTS
    other = read_launch_env({**SRUN, "SLURM_PROCID": "0", "SLURM_NODEID": "0", "SLURM_LOCALID": "0"})
    another_job = read_launch_env({**SRUN, "SLURM_JOB_ID": "813"})
    assert other is not None
    assert another_job is not None
    assert other.rendezvous == launch_env.rendezvous != another_job.rendezvous


@pytest.mark.parametrize(
    ("env", "launcher", "world_size"), [(OPEN_MPI, "mpirun", 2), (HYDRA, "mpirun", 3), (HOROVODRUN, "horovodrun", 2)]
)
def test_mpirun_and_horovodrun(env: dict[str, str], launcher: str, world_size: int) -> None:
    launch_env = read_launch_env(env)
    assert launch_env is not None
    assert (launch_env.launcher, launch_env.rank, launch_env.world_size, launch_env.local_rank) == (
        launcher,
        1,
        world_size,
        1,
    )
    assert launch_env.rendezvous.startswith("tcp://127.0.0.1:")


def test_mpirun_on_several_machines_needs_master_addr() -> None:
    env = {**OPEN_MPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "1", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}
    with pytest.raises(SettingsError, match="set MASTER_ADDR"):
        read_launch_env(env)
    launch_env = read_launch_env({**env, "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "7000"})
    assert launch_env is not None
    assert launch_env.rendezvous == "tcp://10.0.0.1:7000"


@pytest.mark.parametrize("change", [{"RANK": "8"}, {"LOCAL_RANK": "x"}, {"MASTER_PORT": ""}, {"WORLD_SIZE": "-1"}])
def test_invalid_variables_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="check its environment variables"):
        read_launch_env({**TORCHRUN, **change})


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("n1", "n1"), ("n1,n2", "n1"), ("gpu[003-010,12]", "gpu003"), ("a[2,5]-ib,b1", "a2-ib"), ("r1n[7]", "r1n7")],
)
def test_first_host(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


@given(st.lists(st.integers(0, 999), min_size=1, max_size=5), st.integers(1, 4))
def test_first_host_of_any_list(numbers: list[int], width: int) -> None:
    texts = [str(number).zfill(width) for number in numbers]
    assert first_host(f"node[{','.join(texts)}]") == f"node{texts[0]}"
