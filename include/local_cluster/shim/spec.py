"""The specification of one attempt, which the server writes for a shim as a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local_cluster.files import write_atomically


@dataclass(frozen=True)
class Mount:
    """A directory or file of this machine shown to the container at `target`."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class RunSpec:
    """One attempt to run one container.

    `namespaces` names what the machine allows: `pid` (mount and process namespaces), `mount` (mount namespace only)
    or `none`. `keep` are directories to show even below a volume, `hide` are paths to show empty, `code` is shown over
    all of these, `mark` is the environment of the shim itself. `memory_limit` is
    in bytes, `orphan_seconds` is how long the container lives on without a server.
    """

    argv: list[str]
    environment: dict[str, str]
    directory: str
    namespaces: str
    server_lock: str
    notify: str
    key: str
    mounts: list[Mount] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    hide: list[str] = field(default_factory=list)
    code: list[Mount] = field(default_factory=list)
    mark: dict[str, str] = field(default_factory=dict)
    read_only_root: bool = False
    no_new_privileges: bool = False
    memory_limit: int | None = None
    orphan_seconds: float = 120.0

    def write(self, path: Path) -> None:
        """Writes the specification where the shim reads it."""
        write_atomically(path, json.dumps(asdict(self)).encode())

    @staticmethod
    def read(path: Path) -> RunSpec:
        """Returns the specification that `write` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        mounts = {name: [Mount(**mount) for mount in fields[name]] for name in ("mounts", "code")}
        return RunSpec(**{**fields, **mounts})
