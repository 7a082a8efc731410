"""A store of keys and values at a TCP port, which listens at the address that the processes use, not at all of them."""

from __future__ import annotations

import logging
import os
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from torch.distributed import TCPStore  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from datetime import timedelta

logger = logging.getLogger(__name__)


def connect(host: str, port: int, timeout: timedelta) -> TCPStore:
    """Connect to a store.

    Raises:
        RuntimeError: it cannot be reached within the timeout.
    """
    return TCPStore(host, port, None, False, timeout, wait_for_workers=False)


def listen(host: str, port: int, timeout: timedelta, *, is_one_machine: bool = False) -> TCPStore:
    """Listen for the processes of a job, and warn if other machines can reach the port.

    Args:
        host: the host name or address by which the processes know this machine.
        port: the port.
        timeout: for each access by this process.
        is_one_machine: all processes run on this machine.

    Raises:
        OSError: the port is in use.
        RuntimeError: the store cannot be opened.
    """
    address = _address_to_bind(host, is_one_machine=is_one_machine)
    if not _is_loopback(address):
        logger.warning(
            "%s, port %d: this run listens at %s; whoever reaches the port can disturb the run: let only its machines "
            "reach it (docs/distributed.md, Ports and trust)",
            *(host, port, address or "all addresses"),
        )
    if not address:
        return TCPStore(host, port, None, True, timeout, wait_for_workers=False)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family).detach()
    return TCPStore(
        *(host, port, None, True, timeout),
        wait_for_workers=False,
        master_listen_fd=listener,
        use_libuv=False,  # PyTorch 2.4 takes a socket only without libuv
    )


def use_loopback_interface() -> None:
    """Let gloo and NCCL open their ports at the loopback interface, unless the user has chosen another."""
    name = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "")
    for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME") if name else ():
        os.environ.setdefault(variable, name)


def _address_to_bind(host: str, *, is_one_machine: bool) -> str:
    """Return the address of a host; empty, which means all, if other machines may know it by a different one."""
    addresses = list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None)))
    if all(map(_is_loopback, addresses)):  # a host name may be 127.0.1.1 on its own machine only
        return addresses[0] if is_one_machine else ""
    return addresses[0] if len(addresses) == 1 else ""


def _is_loopback(address: str) -> bool:
    return address != "" and ip_address(address.partition("%")[0]).is_loopback
