"""From a container's specification to what its shim is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local_cluster import quantities
from local_cluster.pods import volumes
from local_cluster.pods.environment import Lookup, arguments_of, environment_of
from local_cluster.pods.settings import NodeSettings
from local_cluster.shim.spec import Mount, RunSpec

Object = dict[str, Any]


class CannotRunError(Exception):
    """The container can never run on this machine."""


def plan(
    container: Object, pod: Object, run: Path, sources: dict[str, Path], settings: NodeSettings, lookup: Lookup
) -> RunSpec:
    """One attempt of one container. Raises CannotRunError, and ConfigError when something that may come is missing."""
    if not container.get("command"):
        raise CannotRunError(
            f"container {container['name']!r} has no command: on a cluster of one machine the image {container['image']!r} is a name only, "
            "so its entry point is unknown; give the container a command"
        )
    home = settings.pod(pod["metadata"]["uid"]) / "work"
    home.mkdir(parents=True, exist_ok=True)
    mounts = _without_home(volumes.mounts(container, sources, pod))
    base = {"PATH": settings.path, "HOME": str(home), "TMPDIR": _temporary(mounts, home, settings), "LANG": "C.UTF-8"}
    variables = environment_of(container, pod, lookup)
    security = container.get("securityContext") or {}
    memory = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return RunSpec(
        argv=arguments_of(container, variables),
        environment=base | variables,
        directory=container.get("workingDir") or str(home),
        namespaces=settings.namespaces,
        server_lock=str(settings.lock),
        notify=str(settings.notify),
        key=f"{pod['metadata']['uid']}/{container['name']}/{run.name}",
        mounts=[*mounts, *_message_file(container, run)] if settings.namespaces != "none" else [],
        keep=[*settings.keep, str(home)],
        read_only_root=bool(security.get("readOnlyRootFilesystem")),
        no_new_privileges=security.get("allowPrivilegeEscalation") is False,
        memory_limit=int(quantities.parse(memory)) if memory else None,
        orphan_seconds=settings.orphan_seconds,
    )


def _without_home(mounts: list[Mount]) -> list[Mount]:
    for mount in mounts:
        if mount.target == "/":
            raise CannotRunError("a volume cannot be mounted over the root directory")
    return mounts


def _temporary(mounts: list[Mount], home: Path, settings: NodeSettings) -> str:
    """TMPDIR. Where the machine forbids mounts, it is how a volume at /tmp is given to the pod; any other volume cannot be given."""
    at_tmp = [mount for mount in mounts if mount.target == "/tmp"]  # noqa: S108 - the path of the pod's volume, not a file of ours
    if settings.namespaces == "none":
        others = [mount.target for mount in mounts if mount not in at_tmp]
        if others:
            raise CannotRunError(
                f"cannot mount a volume at {others[0]}: this machine forbids mount namespaces ({settings.why_not}); allow them, or mount "
                "nothing but an emptyDir at /tmp"
            )
        if at_tmp:
            return at_tmp[0].source
    if at_tmp:
        return "/tmp"  # noqa: S108 - as above
    temporary = home.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    return str(temporary)


def _message_file(container: Object, run: Path) -> list[Mount]:
    """The file in which the container may leave its last words."""
    path = container.get("terminationMessagePath") or "/dev/termination-log"
    run.mkdir(parents=True, exist_ok=True)
    message = run / "message"
    message.touch()
    return [Mount(str(message), path)]
