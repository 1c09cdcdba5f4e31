"""Reads a saved image without starting it: its configuration and every file of every layer."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from image_tools.engine import run_docker

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
CAPABILITY = "SCHILY.xattr.security.capability"
LARGEST_BYTES = 2_000_000
"""Longer files are data or libraries, without secrets."""


@dataclass(frozen=True)
class File:
    """A regular file in one layer: path without a leading slash, mode bits, whether it has capabilities of its own."""

    path: str
    mode: int
    privileged: bool


@dataclass
class Layer:
    """One layer: what it adds and what it hides."""

    digest: str
    files: list[File] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Paths that this layer makes something else than a regular file: links, folders."""


@dataclass(frozen=True)
class Archive:
    """A saved image, open for reading."""

    name: str
    saved: tarfile.TarFile
    layers: tuple[str, ...]
    configuration: dict[str, Any]

    def read_entries(self, member: str) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
        """Yields each entry of a layer, with the bytes of a regular file that is not too long."""
        stream = self.saved.extractfile(member)
        if stream is None:
            raise ValueError(f"{self.name}: {member} of its archive is no file")
        with tarfile.open(fileobj=stream, mode="r:*") as layer:
            for entry in layer:
                is_read = entry.isreg() and 0 < entry.size <= LARGEST_BYTES
                content = layer.extractfile(entry) if is_read else None
                yield entry, content.read() if content else None


@contextmanager
def save_image(name: str) -> Iterator[Archive]:
    """Saves the image `name` to a temporary file for the block. Raises EngineError when there is none."""
    with TemporaryDirectory(prefix="nightshift-scan-") as folder:
        path = Path(folder) / "image.tar"
        run_docker("image", "save", "--output", str(path), name)
        with tarfile.open(path) as tar:
            manifest = _read_json(tar, "manifest.json")[0]
            yield Archive(name, tar, tuple(manifest["Layers"]), _read_json(tar, manifest["Config"]))


def get_path(entry: tarfile.TarInfo) -> str:
    """Returns the path of an entry without a leading slash. A leading dot stays: it is part of a name such as
    `.env`.
    """
    return entry.name.removeprefix("./").lstrip("/")


def build_layer(member: str, entries: Iterator[tarfile.TarInfo]) -> Layer:
    """Returns the layer that consists of these entries."""
    layer = Layer(member)
    for entry in entries:
        path = PurePosixPath(get_path(entry))
        if path.name == OPAQUE:
            layer.hidden.append(f"{path.parent}/")
        elif path.name.startswith(WHITEOUT):
            layer.hidden.append(str(path.with_name(path.name.removeprefix(WHITEOUT))))
        elif entry.isreg() or entry.islnk():
            layer.files.append(File(str(path), entry.mode, CAPABILITY in entry.pax_headers))
        else:
            layer.others.append(str(path))
    return layer


def merge_layers(layers: list[Layer]) -> dict[str, File]:
    """Returns the files that a container sees: a later layer replaces and hides files of the layers below it."""
    files: dict[str, File] = {}
    for layer in layers:
        gone = {path.rstrip("/") for path in layer.hidden}
        if gone:
            files = {path: file for path, file in files.items() if not _is_under(path, gone)}
        for path in layer.others:
            files.pop(path, None)
        files.update((file.path, file) for file in layer.files)
    return files


def _is_under(path: str, folders: set[str]) -> bool:
    return path in folders or any(str(parent) in folders for parent in PurePosixPath(path).parents)


def _read_json(tar: tarfile.TarFile, member: str) -> Any:
    stream = tar.extractfile(member)
    if stream is None:
        raise ValueError(f"{member} of the saved image is no file")
    return json.load(stream)
