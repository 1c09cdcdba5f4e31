"""The settings of the node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

NODE_NAME = "local"
LOCK_NAME = "server.lock"


@dataclass(frozen=True)
class NodeSettings:
    """Where pods live and what they get.

    `path` is the PATH of every pod; `keep` are directories that stay visible below volumes, `hide` are paths that
    pods see empty; `namespaces` is what the machine allows (`pid`, `mount`, `none`) and `why_not` the reason when
    that is less than all. Finished pods are removed after `pod_ttl` seconds, those whose task is gone after
    `unwatched_ttl`. `mark` is the environment of the containers' parent processes, by which whoever ends a platform
    finds them; `code` are the directories that snapshots hold.
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
