"""One port for another."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_platform.services.service import run_service
from local_platform.services.tcp_proxy import define_service, start_proxy
from support.free_settings import find_free_ports

SAID = bytes(range(256)) * 20_000


@pytest.fixture
def target() -> Iterator[int]:
    """A server that reads until its client has said all, and then says it back."""
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_echo, args=(server,), daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(_all(connection))


def _all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def test_both_sides_hear_everything(target: int) -> None:
    port = find_free_ports(1)[0]
    start_proxy("127.0.0.1", port, target)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(SAID)
            connection.shutdown(socket.SHUT_WR)
            assert _all(connection) == SAID


def test_while_the_server_is_away_connections_end_at_once() -> None:
    port, nobody = find_free_ports(2)
    start_proxy("127.0.0.1", port, nobody)
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        assert connection.recv(1) == b""


def test_a_port_that_is_taken_is_an_error(target: int) -> None:
    with pytest.raises(OSError, match="in use"):
        start_proxy("127.0.0.1", target, target)


def test_a_door_is_a_service_of_its_own(target: int, tmp_path: Path) -> None:
    port = find_free_ports(1)[0]
    door = define_service("door", tmp_path / "door", "127.0.0.1", port, target)
    assert not door.ready(0)
    with run_service(door, tmp_path / "log"), socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        assert _all(connection) == b"hello"
