"""An HTTP proxy in front of a real server, with faults: it refuses, loses replies, strips headers, answers wrongly.

What it does wrong is a list of faults, looked through for each request; a test adds and removes them while clients go
through it. Signatures of S3 hold, because the client's `Host` is passed on as it came.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Matches = Callable[["ReceivedRequest"], bool]
Sign = Callable[["ReceivedRequest", dict[str, str]], dict[str, str]]
"""Signs a request anew whose headers were changed: S3's signature covers them."""
SECONDS = 60
ENDS = {"connection", "transfer-encoding", "keep-alive", "content-length"}
"""Headers that belong to one connection."""


@dataclass(frozen=True)
class ReceivedRequest:
    """One request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Fault:
    """What happens to the next `left` requests that `matches`; None: to all.

    `kind`: `refuse` (the connection is closed without a reply), `lose` (the server carries it out and the reply is
    lost), `fail` (the server carries it out and the reply is `status`), `strip` (the headers named in `headers` are not
    passed on), `answer` (`status`, `body` and `headers` instead of the server's own), `none` (nothing).
    `then` is called once the server has carried a request out, before anybody can know of it.
    """

    kind: str
    matches: Matches = lambda _: True
    left: int | None = 1
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    then: Callable[[], None] = lambda: None


class FaultyProxy:
    """A proxy on 127.0.0.1. `received`: every request, in order."""

    def __init__(self, target: str, sign: Sign | None = None) -> None:
        self.target, self.sign = urlsplit(target), sign
        self.received: list[ReceivedRequest] = []
        self.faults: list[Fault] = []
        self._lock = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def add(self, kind: str, **more: Any) -> Fault:
        """Adds a fault; returns it, so that a test can end it with `remove`."""
        fault = Fault(kind, **more)
        with self._lock:
            self.faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Ends a fault."""
        with self._lock:
            self.faults.remove(fault)

    def take(self, requested: ReceivedRequest) -> Fault | None:
        """The fault that this request meets, counted."""
        with self._lock:
            self.received.append(requested)
            self._lock.notify_all()
            actual = next((fault for fault in self.faults if fault.left != 0 and fault.matches(requested)), None)
            if actual is not None and actual.left is not None:
                actual.left -= 1
            return actual

    def wait_for(self, requests: int) -> None:
        """Waits until so many requests came."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.received) >= requests, SECONDS)

    def list_paths(self, method: str = "") -> list[str]:
        """The paths that were asked for, by one method or any."""
        return [item.path for item in self.received if method in ("", item.method)]

    def serve(self) -> None:
        """Serves until `end`."""
        self._server.serve_forever(poll_interval=0.05)

    def end(self) -> None:
        """Ends the proxy."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def run_faulty_proxy(target: str, sign: Sign | None = None) -> Iterator[FaultyProxy]:
    """A proxy in front of `target` for the length of a `with` block."""
    proxy = FaultyProxy(target, sign)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.end()


class Handler(BaseHTTPRequestHandler):
    """Serves one connection of a proxy."""

    proxy: FaultyProxy
    protocol_version = "HTTP/1.1"

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        return True

    def _pass_on(self) -> None:
        body = _read_body(self)
        requested = ReceivedRequest(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        fault = self.proxy.take(requested) or Fault("none")
        if fault.kind == "answer":
            self._reply(fault.status, fault.headers, fault.body)
            return
        self.close_connection = fault.kind in ("refuse", "lose")
        if fault.kind == "refuse":
            return
        reply = _ask(self.proxy, requested, set(fault.headers) if fault.kind == "strip" else set())
        fault.then()
        if fault.kind == "fail":
            self._reply(fault.status, {}, b"")
        elif fault.kind != "lose":
            self._reply(*reply)

    def _reply(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ENDS:
                self.send_header(name, value)
        if self.command != "HEAD" and status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    """The body as it came, chunks and all, so that it can be passed on unchanged."""
    if "chunked" in (handler.headers.get("Transfer-Encoding") or ""):
        return _read_chunks(handler)
    return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))


def _read_chunks(handler: BaseHTTPRequestHandler) -> bytes:
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return b"".join(parts)


def _ask(proxy: FaultyProxy, requested: ReceivedRequest, stripped: set[str]) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection(proxy.target.hostname or "", proxy.target.port or 80, timeout=SECONDS)
    try:
        headers = {name: value for name, value in requested.headers.items() if name not in {*ENDS, "expect", *stripped}}
        if stripped and proxy.sign is not None:
            headers = proxy.sign(requested, headers)
        connection.request(requested.method, requested.path, requested.body or None, headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()
