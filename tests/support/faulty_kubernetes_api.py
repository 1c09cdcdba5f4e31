"""A proxy in front of a Kubernetes API with every fault: it closes, hangs, refuses, loses replies and cuts streams.

It forwards everything to the real API with credentials of its own, and accepts clients that show its token. A test
switches the faults on and off while clients use it.
"""

import asyncio
import json
import secrets
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from support.api_target import Target
from support.free_settings import find_free_ports

HOP_HEADERS = (
    "Connection",
    "Keep-Alive",
    "Transfer-Encoding",
    "Content-Length",
    "Content-Encoding",
    "Host",
    "Authorization",
)
"""Headers that belong to one connection, not to the request."""


@dataclass
class Burst:
    """The next `left` requests that `matches` says are answered with `status` instead of being forwarded."""

    status: int
    left: int
    matches: Callable[[web.BaseRequest, bytes], bool] = lambda _request, _body: True
    headers: dict[str, str] = field(default_factory=dict)


def match_creates_of(task: str) -> Callable[[web.BaseRequest, bytes], bool]:
    """Matches requests that make the pod of a task."""
    return lambda request, body: is_create(request) and _read_task_id(body) == task


def _read_task_id(body: bytes) -> str:
    return str(json.loads(body)["metadata"].get("labels", {}).get("task_id", ""))


def is_create(request: web.BaseRequest) -> bool:
    """Whether a request makes a pod."""
    return request.method == "POST" and request.path.endswith("/pods")


@dataclass
class FaultyApi:
    """A proxy on 127.0.0.1:`port`. Switches are plain attributes and methods, for any thread.

    `delay` (seconds) comes before each reply. `after_creating` is called by task when its pod was made, and the reply
    is lost. `requests` is every request that came, `made` the task of every pod that was made.
    """

    target: Target
    home: Path
    port: int
    delay: float = 0.0
    after_creating: dict[str, Callable[[], None]] = field(default_factory=dict)
    bursts: list[Burst] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    valid: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _answers: asyncio.Event = field(default_factory=asyncio.Event)
    _site: web.TCPSite | None = None
    _runner: web.ServerRunner | None = None
    _session: aiohttp.ClientSession | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the proxy."""
        return self.home / "kubeconfig"

    @property
    def token_file(self) -> Path:
        """The file from which clients read their token."""
        return self.home / "token"

    def close(self) -> None:
        """The API is gone: connections are refused, and those that are open end in the middle."""
        self._do(self._close())

    def open(self) -> None:
        """The API is back, at the same address."""
        self._do(self._listen())
        self._loop.call_soon_threadsafe(self._answers.set)

    def close_for(self, seconds: float) -> None:
        """Closes now and opens after some seconds; returns at once."""
        self.close()
        threading.Timer(seconds, self.open).start()

    def hang_for(self, seconds: float) -> None:
        """For some seconds nothing is answered, and open streams fall silent without an end."""
        self._loop.call_soon_threadsafe(self._answers.clear)
        threading.Timer(seconds, lambda: self._loop.call_soon_threadsafe(self._answers.set)).start()

    def expire(self) -> None:
        """The token that clients know is refused from now on."""
        self.valid = secrets.token_urlsafe(16)

    def renew(self) -> None:
        """The file of the token has the one that is valid."""
        self.token_file.write_text(self.valid)

    def cut_streams(self) -> None:
        """Every open connection ends in the middle of whatever it is doing."""
        self._do(self._cut())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _cut(self) -> None:
        server = self._runner.server if self._runner else None
        for connection in server.connections if server else ():
            if connection.transport:
                connection.transport.abort()

    async def _close(self) -> None:
        if self._site:
            await self._site.stop()
            self._site = None
        await self._cut()

    async def _listen(self) -> None:
        if self._runner is None:
            self._session = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None))
            self._runner = web.ServerRunner(web.Server(self._answer, handler_cancellation=True, access_log=None))
            await self._runner.setup()
        if self._site:
            return
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()

    async def _end(self) -> None:
        await self._close()
        if self._session:
            await self._session.close()
        if self._runner:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._answer_with_fault(request) or await self._forward(request)

    async def _answer_with_fault(self, request: web.BaseRequest) -> web.StreamResponse | None:
        self.requests.append(f"{request.method} {request.path}")
        await asyncio.sleep(self.delay)
        body = await request.read()
        await self._answers.wait()
        if request.headers.get("Authorization") != f"Bearer {self.valid}":
            return _build_status(401, "Unauthorized")
        for burst in self.bursts:
            if burst.left > 0 and burst.matches(request, body):
                burst.left -= 1
                return _build_status(burst.status, "the server is busy", burst.headers)
        return None

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name not in HOP_HEADERS}
        async with self._session.request(
            request.method,
            self.target.url + request.raw_path,
            headers={**headers, **self.target.headers},
            data=await request.read() or None,
            ssl=self.target.tls or True,
        ) as reply:
            if is_create(request) and reply.status == 201:
                task = _read_task_id(await request.read())
                self.made.append(task)
                if act := self.after_creating.pop(task, None):
                    self._loop.run_in_executor(None, act)
                    return self._drop(request)
            return await self._pass_on(request, reply)

    async def _pass_on(self, request: web.BaseRequest, reply: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status)
        for name, value in reply.headers.items():
            if name not in HOP_HEADERS:
                response.headers[name] = value
        await response.prepare(request)
        async for chunk in reply.content.iter_any():
            await self._answers.wait()
            await response.write(chunk)
        await response.write_eof()
        return response

    def _drop(self, request: web.BaseRequest) -> web.StreamResponse:
        """The connection ends without a reply, or without the rest of it."""
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.abort()
        raise ConnectionResetError


def _build_status(code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return web.json_response(body, status=code, headers=headers)


def _write_kubeconfig(proxy: FaultyApi) -> None:
    proxy.renew()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{proxy.port}"}}],
        "users": [{"name": "proxy", "user": {"tokenFile": str(proxy.token_file)}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "current-context": "proxy",
    }
    proxy.kubeconfig.write_text(json.dumps(config))


@contextmanager
def run_faulty_api(kubeconfig: Path, home: Path) -> Iterator[FaultyApi]:
    """Yields an open proxy in front of the API of `kubeconfig`, for the length of a `with` block; `home` is new."""
    home.mkdir(parents=True, exist_ok=True)
    proxy = FaultyApi(Target.read_kubeconfig(kubeconfig), home, find_free_ports(1)[0])
    _write_kubeconfig(proxy)
    thread = threading.Thread(target=proxy._loop.run_forever, daemon=True)
    thread.start()
    proxy.open()
    try:
        yield proxy
    finally:
        proxy._do(proxy._end())
        proxy._loop.call_soon_threadsafe(proxy._loop.stop)
        thread.join(10)
        proxy._loop.close()
