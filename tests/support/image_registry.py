"""A registry of images on a bad day: it serves one image, later than it is asked, and knows no other."""

import hashlib
import json
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"
USER = "65532:65532"


@dataclass
class Registry:
    """A registry at `address`. It refuses the repository `late` with 503 until `timeout` seconds after it was first
    asked for it, and then serves it; there is no other repository.
    """

    address: str
    manifest: bytes
    blobs: dict[str, Path]
    timeout: float
    first: float | None = None
    answers: list[tuple[str, int]] = field(default_factory=list)

    def choose_status(self, path: str) -> int:
        """What a request for `path` is answered with."""
        if path in ("/v2", "/v2/"):
            return 200
        if not path.startswith("/v2/late/"):
            return 404
        self.first = self.first or time.monotonic()
        return 503 if time.monotonic() < self.first + self.timeout else 200

    def find_content(self, path: str) -> tuple[str, bytes | Path]:
        """The type and the bytes behind `path`, a file when there are many."""
        if "/manifests/" in path:
            return MANIFEST, self.manifest
        return "application/octet-stream", self.blobs[path.rsplit("/", 1)[-1]]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def __init__(self, registry: Registry, *args: object) -> None:
        self.registry = registry
        super().__init__(*args)  # type: ignore[arg-type]  # a server calls it

    def do_HEAD(self) -> None:
        """Answers a question for what is there."""
        self._answer(is_head=True)

    def do_GET(self) -> None:
        """Hands out what is there."""
        self._answer(is_head=False)

    def _answer(self, is_head: bool) -> None:
        status = self.registry.choose_status(self.path)
        self.registry.answers.append((self.path, status))
        kind, content = (
            self.registry.find_content(self.path) if status == 200 and self.path[4:] else ("text/plain", b"")
        )
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        if kind == MANIFEST:
            self.send_header("Docker-Content-Digest", _compute_digest(self.registry.manifest))
        self.end_headers()
        if is_head:
            return
        if isinstance(content, Path):
            with content.open("rb") as file:
                shutil.copyfileobj(file, self.wfile)
        else:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _compute_digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _read_saved_image(image: str, home: Path) -> tuple[dict[str, object], list[Path]]:
    """The configuration and the layers of an image that Docker has."""
    archive = home / "image.tar"
    subprocess.run(["docker", "save", image, "-o", str(archive)], check=True, capture_output=True, timeout=300)
    with tarfile.open(archive) as files:
        files.extractall(home, filter="data")
    (entry,) = json.loads((home / "manifest.json").read_text())
    return json.loads((home / entry["Config"]).read_text()), [home / path for path in entry["Layers"]]


def _describe_layer(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    return {"mediaType": LAYER + ".gzip" * is_packed, "size": path.stat().st_size, "digest": digest}


@contextmanager
def serve_registry(image: str, address: str, home: Path, timeout: float) -> Iterator[Registry]:
    """A registry at `address` (host:port) for the length of a `with` block.

    It serves `image` of this machine's Docker, for an ordinary user, as `late`. `home` is a new folder.
    """
    host, port = address.rsplit(":", 1)
    # At once, before the image is saved: meanwhile somebody else could be given the port.
    server = ThreadingHTTPServer((host, int(port)), Handler)
    config, layers = _read_saved_image(image, home)
    config["config"] = {**dict(config.get("config") or {}), "User": USER}  # type: ignore[call-overload]
    own = home / "config.json"
    own.write_text(json.dumps(config))
    blobs = [own, *layers]
    described = [_describe_layer(path) for path in blobs]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {**described[0], "mediaType": CONFIG},
        "layers": described[1:],
    }
    actual = {str(about["digest"]): path for about, path in zip(described, blobs, strict=True)}
    registry = Registry(address, json.dumps(manifest).encode(), actual, timeout)
    server.RequestHandlerClass = partial(Handler, registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
