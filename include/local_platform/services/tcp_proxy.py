"""Hands the connections of one port on to another: the one door of a server whose other ports are for itself only.

`python -m local_platform.services.tcp_proxy ADDRESS PORT TARGET` does it until a signal ends it.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from local_platform.services.service import Service

CHUNK = 256 * 1024
"""Bytes that one read takes at most."""


def forward(address: str, port: int, target: int) -> None:
    """Listens on `address`:`port` from now on, in a thread of its own, for 127.0.0.1:`target`. Raises OSError."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        asyncio.start_server(lambda reader, writer: _serve(reader, writer, target), address, port, backlog=128)
    )
    threading.Thread(target=_run, args=(loop, server), name=f"forward {port}", daemon=True).start()


def service(name: str, directory: Path, address: str, port: int, target: int) -> Service:
    """A door as a service: `address`:`port` for 127.0.0.1:`target`."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Service(
        name=name,
        command=(sys.executable, "-m", "local_platform.services.tcp_proxy", address, str(port), str(target)),
        directory=directory,
        ready=lambda _since: _is_open(address, port),
        patience=30,
        grace=2,
    )


def main(arguments: Sequence[str]) -> None:
    """Serves until a signal ends it."""
    address, port, target = arguments[0], int(arguments[1]), int(arguments[2])
    forward(address, port, target)
    threading.Event().wait()


def _is_open(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=2):
        return True
    return False


def _run(loop: asyncio.AbstractEventLoop, server: asyncio.Server) -> None:
    loop.run_until_complete(server.serve_forever())


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int) -> None:
    """One connection, until both sides have said all; while the server is away, it is closed at once."""
    try:
        back, there = await asyncio.open_connection("127.0.0.1", target)
    except OSError:
        writer.close()
        return
    try:
        await asyncio.gather(_copy(reader, there), _copy(back, writer))
    except OSError:
        pass  # one side is gone: so is the other, below
    finally:
        there.close()
        writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()
    with suppress(OSError):
        target.write_eof()


if __name__ == "__main__":
    main(sys.argv[1:])
