"""The settings of the node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

NODE_NAME = "local"
LOCK_NAME = "server.lock"


@dataclass(frozen=True)
class NodeSettings:
    """The directory of the pods and what they get.

    `path`: the PATH of every pod. `keep`: directories that stay visible below volumes. `hide`: paths that pods see
    empty. `namespaces`: the isolation that the machine allows (`pid`, `mount`, `none`); `why_not`: why there is no
    better one. Finished pods are removed after `pod_ttl` seconds, or after `unwatched_ttl` if their task is gone.
    `mark`: the environment of the containers' parent processes, by which `make down` finds them. `code`: the
    directories that snapshots copy.
    """

    directory: Path
    path: str
    keep: list[str] = field(default_factory=list)
    hide: list[str] = field(default_factory=list)
    namespaces: str = "pid"
    why_not: str = ""
    pod_ttl: float = 86_400.0
    unwatched_ttl: float = 600.0
    stop_seconds: float = 5.0
    orphan_seconds: float = 120.0
    mark: dict[str, str] = field(default_factory=dict)
    code: tuple[Path, ...] = ()

    @property
    def lock(self) -> Path:
        """The file that a living server keeps locked."""
        return self.directory / LOCK_NAME

    @property
    def notify(self) -> Path:
        """The named pipe through which shims report."""
        return self.directory / "notify"

    def get_pod_directory(self, uid: str) -> Path:
        """Returns the directory of one pod."""
        return self.directory / "pods" / uid
