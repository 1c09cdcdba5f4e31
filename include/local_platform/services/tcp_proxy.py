"""Forwards the TCP connections of one port to another one: the public port of a server whose own ports are private.

`python -m local_platform.services.tcp_proxy ADDRESS PORT TARGET` runs until a signal ends it.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from local_platform.services.service import Service

CHUNK = 256 * 1024
"""Bytes that one read takes at most."""


def start_proxy(address: str, port: int, target: int) -> None:
    """Forwards `address`:`port` to 127.0.0.1:`target` from now on, in a thread of its own. Raises OSError."""
    loop = asyncio.new_event_loop()
    serve = partial(_serve_connection, target=target)
    server = loop.run_until_complete(asyncio.start_server(serve, address, port, backlog=128))
    threading.Thread(target=_serve_forever, args=(loop, server), name=f"tcp proxy {port}", daemon=True).start()


def define_service(name: str, directory: Path, address: str, port: int, target: int) -> Service:
    """Returns the proxy of `address`:`port` for 127.0.0.1:`target` as a service."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Service(
        name=name,
        command=(sys.executable, "-m", "local_platform.services.tcp_proxy", address, str(port), str(target)),
        directory=directory,
        ready=lambda _since: _is_open(address, port),
        start_timeout=30,
        grace=2,
    )


def main(arguments: Sequence[str]) -> None:
    """Serves until a signal ends it."""
    address, port, target = arguments[0], int(arguments[1]), int(arguments[2])
    start_proxy(address, port, target)
    threading.Event().wait()


def _is_open(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=2):
        return True
    return False


def _serve_forever(loop: asyncio.AbstractEventLoop, server: asyncio.Server) -> None:
    loop.run_until_complete(server.serve_forever())


async def _serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int) -> None:
    """Serves one connection until both sides have ended; closes it at once while the target does not listen."""
    try:
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", target)
    except OSError:
        writer.close()
        return
    try:
        await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))
    except OSError:
        pass  # one side is closed: the other is closed below
    finally:
        target_writer.close()
        writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()
    with suppress(OSError):
        target.write_eof()


if __name__ == "__main__":
    main(sys.argv[1:])
