"""An S3 server whose replies get lost: a proxy that forwards requests and drops the replies that a test names."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit

Loss = Literal["", "closed", "500"]
"""What becomes of a reply after the server has done as it was told: it arrives, the connection closes, or a 500."""
Rule = Callable[[str, str], Loss]
"""Says of a method and a path what becomes of the reply."""


@contextmanager
def lossy_s3(endpoint: str, rule: Rule) -> Iterator[str]:
    """A proxy before `endpoint` for the length of a `with` block; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(endpoint).netloc, rule))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(upstream: str, rule: Rule) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("expect", "connection")}
            connection = http.client.HTTPConnection(upstream, timeout=60)
            try:
                connection.request(self.command, self.path, body, headers)  # the signed Host header stays as it is
                reply = connection.getresponse()
                data = reply.read()
            finally:
                connection.close()
            loss = rule(self.command, self.path)
            if loss == "closed":
                self.close_connection = True
                return
            self._answer(500 if loss else reply.status, b"" if loss else data, dict(reply.getheaders()))

        def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(b"" if self.command == "HEAD" else data)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _forward  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Logs nothing."""

    return Handler
