"""Rendezvous of the agents that start the processes: one agent on each of a fixed number of machines.

PyTorch's own rendezvous (`c10d`) lets machines come and go, and for that listens on all interfaces and unpickles what
anybody writes there. This one unpickles nothing, and opens no port on a single machine.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from torch.distributed import HashStore, Store  # type: ignore[attr-defined]
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    rendezvous_handler_registry,
)
from torch.distributed.elastic.rendezvous.api import RendezvousStoreInfo

from yolo.distributed.launch_env import STORE_FILE_VARIABLE
from yolo.distributed.tcp_store import connect, listen

BACKEND = "yolo"
TIMEOUT = timedelta(minutes=10)  # until the agents of all machines have started


class AgentRendezvous(RendezvousHandler):
    """The rendezvous of one agent, called again before each restart of its processes.

    With a single machine, its processes meet in a new file of `folder` after each start; with several, in a store of
    the first machine.

    Args:
        run_id: name of the job.
        index: number of this machine, from 0.
        count: number of machines.
        endpoint: host and port of the first machine.
        folder: folder that only this user may enter.
    """

    def __init__(self, run_id: str, *, index: int, count: int, endpoint: tuple[str, int], folder: Path) -> None:
        self._run_id = run_id
        self._index = index
        self._count = count
        self._endpoint = endpoint
        self._folder = folder
        self._starts = 0
        self._store: Store | None = None

    def get_backend(self) -> str:
        return BACKEND

    @property
    def use_agent_store(self) -> bool:
        return self._count > 1

    def next_rendezvous(self) -> RendezvousInfo:
        if self._count == 1:
            self._starts += 1
            os.environ[STORE_FILE_VARIABLE] = str(self._folder / f"store{self._starts}")
            store: Store = HashStore()
        else:
            if self._store is None:
                open_store = listen if self._index == 0 else connect
                self._store = open_store(*self._endpoint, TIMEOUT)
            store = self._store
        return RendezvousInfo(store, self._index, self._count, RendezvousStoreInfo(*self._endpoint))

    def is_closed(self) -> bool:
        return False

    def set_closed(self) -> None:
        """Do nothing: no machine joins later."""

    def num_nodes_waiting(self) -> int:
        return 0

    def get_run_id(self) -> str:
        return self._run_id

    def shutdown(self) -> bool:
        return True


def register_agent_rendezvous() -> str:
    """Make the rendezvous known to PyTorch's launcher, and return the name of its backend."""
    rendezvous_handler_registry.register(BACKEND, _build)
    return BACKEND


def _build(parameters: RendezvousParameters) -> AgentRendezvous:
    host, _, port = parameters.endpoint.rpartition(":")
    index = parameters.get_as_int("index")
    assert index is not None
    return AgentRendezvous(
        parameters.run_id,
        index=index,
        count=parameters.max_nodes,
        endpoint=(host, int(port)),
        folder=Path(parameters.get("folder", "")),
    )
