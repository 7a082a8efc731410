"""The addresses at which a store listens."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

import psutil
import pytest

from tests.distributed.ranks import free_port
from yolo.distributed.tcp_store import connect, listen, use_loopback_interface

TIMEOUT = timedelta(seconds=30)


def addresses_of(port: int) -> set[str]:
    """Return the addresses at which this process listens at a port."""
    sockets = psutil.Process().net_connections(kind="inet")
    return {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN and each.laddr.port == port}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_one_machine_listens_for_itself_only(host: str, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    store = listen(host, port, TIMEOUT, is_one_machine=True)
    assert addresses_of(port) in ({"127.0.0.1"}, {"::1"})
    store.set("key", "value")
    assert connect(host, port, TIMEOUT).get("key") == b"value"
    assert not caplog.text


@pytest.mark.parametrize(
    ("found", "bound"),
    [
        (["127.0.0.2"], ""),  # Debian's address of the machine's own name: other machines know another
        (["10.1.2.3"], "10.1.2.3"),
        (["fe80::1%eth0", "10.1.2.3"], ""),  # other machines may use either
    ],
)
def test_many_machines_listen_at_the_address_in_use_and_warn(
    found: list[str], bound: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listeners: list[str] = []

    def create_server(address: tuple[str, int], family: int) -> socket.socket:
        del family
        listeners.append(address[0])
        return socket.socket()

    entries = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 0)) for address in found]
    monkeypatch.setattr("yolo.distributed.tcp_store.socket.getaddrinfo", lambda host, port: entries)
    monkeypatch.setattr("yolo.distributed.tcp_store.socket.create_server", create_server)
    monkeypatch.setattr("yolo.distributed.tcp_store.TCPStore", lambda *arguments, **options: None)
    listen("first", 7000, TIMEOUT)
    assert listeners == ([bound] if bound else [])
    assert f"first, port 7000: this run listens at {bound or 'all addresses'}" in caplog.text


def test_the_interface_that_a_user_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth7")
    monkeypatch.delenv("NCCL_SOCKET_IFNAME", raising=False)
    use_loopback_interface()
    assert os.environ["GLOO_SOCKET_IFNAME"] == "eth7"
    assert os.environ["NCCL_SOCKET_IFNAME"].startswith("lo")
    monkeypatch.delenv("NCCL_SOCKET_IFNAME")
