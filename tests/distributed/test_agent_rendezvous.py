"""Rendezvous of the agents of one and of two machines."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.distributed.ranks import free_port
from yolo.distributed.agent_rendezvous import AgentRendezvous
from yolo.distributed.launch_env import STORE_FILE_VARIABLE, read_launch_env


def listening() -> int:
    """Return the number of ports at which this process listens."""
    return sum(each.status == psutil.CONN_LISTEN for each in psutil.Process().net_connections(kind="inet"))


def test_one_machine_opens_no_port_and_meets_in_a_new_file_at_each_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_FILE_VARIABLE, "")
    before = listening()
    rendezvous = AgentRendezvous("job", index=0, count=1, endpoint=("localhost", 0), folder=tmp_path)
    stores = []
    for _ in range(2):
        info = rendezvous.next_rendezvous()
        numbers = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": "0"}
        env = read_launch_env(os.environ | numbers | {"MASTER_ADDR": "localhost"})
        assert env is not None
        stores.append(env.rendezvous)
    assert (info.rank, info.world_size, rendezvous.use_agent_store) == (0, 1, False)
    assert stores == [f"file://{tmp_path}/store1", f"file://{tmp_path}/store2"]
    assert listening() == before


def test_two_machines_share_the_store_of_the_first(tmp_path: Path) -> None:
    endpoint = ("127.0.0.1", free_port())
    agents = [AgentRendezvous("job", index=i, count=2, endpoint=endpoint, folder=tmp_path) for i in range(2)]
    with ThreadPoolExecutor() as pool:
        infos = list(pool.map(AgentRendezvous.next_rendezvous, agents))
    infos[0].store.set("key", "value")
    assert infos[1].store.get("key") == b"value"
    assert [info.rank for info in infos] == [0, 1]
    assert all(agent.use_agent_store for agent in agents)
    assert agents[0].next_rendezvous().store is infos[0].store  # a restart keeps it
