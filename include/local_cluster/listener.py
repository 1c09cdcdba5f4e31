"""Serves HTTP and HTTPS on one port; the first byte of a connection tells which it is.

Kubernetes clients send a token over TLS only, and the supervisor's check calls /readyz over plain HTTP. A server that
other machines reach refuses plain HTTP: a token must not cross a network unencrypted.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine

from aiohttp import web

TLS_HANDSHAKE = 0x16
FIRST_BYTE_TIMEOUT = 30.0  # seconds within which a new connection must send a byte


class Listener:
    """Accepts connections on one address for a web application; plain HTTP only with `plain`."""

    def __init__(self, runner: web.AppRunner, context: ssl.SSLContext, plain: bool) -> None:
        self._runner = runner
        self._context = context
        self._plain = plain
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, host: str, port: int) -> tuple[str, int]:
        """Binds the address and begins to accept; returns the address. Raises OSError when it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=128)
        except OSError as error:
            raise OSError(f"cannot listen on port {port} of {host}: {error.strerror}; see --port, --host") from error
        self._socket.setblocking(False)
        self._spawn(self._accept(self._socket))
        address = self._socket.getsockname()
        return address[0], address[1]

    def close(self) -> None:
        """Stops accepting; open connections last until the application ends."""
        for task in self._tasks:
            task.cancel()
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(server)
            except OSError:
                await asyncio.sleep(0.1)  # out of file handles: the ones in use will be freed
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._serve_connection(connection))

    async def _serve_connection(self, connection: socket.socket) -> None:
        """Looks at the first byte without consuming it, then serves the connection."""
        try:
            async with asyncio.timeout(FIRST_BYTE_TIMEOUT):
                await _wait_until_readable(connection)
            first = connection.recv(1, socket.MSG_PEEK)
            secure = first[:1] == bytes([TLS_HANDSHAKE])
            if not first or not (secure or self._plain) or self._runner.server is None:
                connection.close()
                return
            context = self._context if secure else None
            await asyncio.get_running_loop().connect_accepted_socket(self._runner.server, connection, ssl=context)
        except (OSError, TimeoutError):  # a client that left, was silent, or does not trust the certificate
            connection.close()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _wait_until_readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def announce() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(connection, announce)
    try:
        await ready
    finally:
        loop.remove_reader(connection)
