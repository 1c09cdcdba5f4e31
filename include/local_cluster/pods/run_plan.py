"""Translates a container's specification into the specification of one attempt for its shim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local_cluster import quantities
from local_cluster.pods import volumes
from local_cluster.pods.environment import Lookup, build_arguments, build_environment
from local_cluster.pods.settings import NodeSettings
from local_cluster.pods.snapshots import DIGEST, Snapshots
from local_cluster.shim.spec import Mount, RunSpec

Object = dict[str, Any]


class CannotRunError(Exception):
    """The container can never run on this machine."""


def plan_run(
    container: Object,
    pod: Object,
    run: Path,
    sources: dict[str, Path],
    settings: NodeSettings,
    snapshots: Snapshots,
    lookup: Lookup,
) -> RunSpec:
    """Returns the specification of one attempt.

    Raises CannotRunError, and ConfigError when something is missing that may come later.
    """
    if not container.get("command"):
        raise CannotRunError(
            f"container {container['name']!r} has no command: on a cluster of one machine the image "
            f"{container['image']!r} is a name only, so its entry point is unknown; give the container a command"
        )
    mounts = volumes.list_mounts(container, sources, pod)
    own = _make_own_directories(settings.get_pod_directory(pod["metadata"]["uid"]), container)
    base = {"PATH": settings.path, "HOME": own[0].target, "TMPDIR": _choose_temporary(mounts, own[1], settings)}
    variables = build_environment(container, pod, lookup)
    code = (pod["metadata"].get("annotations") or {}).get(DIGEST, "")
    if code and settings.namespaces == "none":
        variables = snapshots.redirect(code, variables)
    security = container.get("securityContext") or {}
    memory = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return RunSpec(
        argv=build_arguments(container, variables),
        environment={**base, "LANG": "C.UTF-8", **variables},
        directory=container.get("workingDir") or own[0].target,
        namespaces=settings.namespaces,
        server_lock=str(settings.lock),
        notify=str(settings.notify),
        key=f"{pod['metadata']['uid']}/{container['name']}/{run.name}",
        mounts=[*own, *mounts, *_make_message_file(container, run)] if settings.namespaces != "none" else [],
        keep=settings.keep,
        hide=settings.hide,
        code=snapshots.list_mounts(code) if settings.namespaces != "none" else [],
        mark=settings.mark,
        read_only_root=_is_read_only(container),
        no_new_privileges=security.get("allowPrivilegeEscalation") is False,
        memory_limit=int(quantities.parse(memory)) if memory else None,
        orphan_seconds=settings.orphan_seconds,
    )


def _is_read_only(container: Object) -> bool:
    return bool((container.get("securityContext") or {}).get("readOnlyRootFilesystem"))


def _make_own_directories(directory: Path, container: Object) -> list[Mount]:
    """Makes the pod's working directory and its directory for temporary files, and returns their mounts."""
    own = [directory / "work", directory / "tmp"]
    for path in own:
        path.mkdir(parents=True, exist_ok=True)
    return [Mount(str(path), str(path), _is_read_only(container)) for path in own]


def _choose_temporary(mounts: list[Mount], own: Mount, settings: NodeSettings) -> str:
    """Returns TMPDIR. Without mount namespaces, it is the only way to give the pod a volume at /tmp."""
    at_tmp = [mount for mount in mounts if mount.target == "/tmp"]  # noqa: S108 - the path of the pod's volume
    if any(mount.target == "/" for mount in mounts):
        raise CannotRunError("a volume cannot be mounted over the root directory")
    if settings.namespaces == "none":
        others = [mount.target for mount in mounts if mount not in at_tmp]
        if others:
            raise CannotRunError(
                f"cannot mount a volume at {others[0]}: this machine forbids mount namespaces ({settings.why_not}); "
                "allow them, or mount nothing but an emptyDir at /tmp"
            )
        return at_tmp[0].source if at_tmp else own.target
    return at_tmp[0].target if at_tmp else own.target


def _make_message_file(container: Object, run: Path) -> list[Mount]:
    """Makes the termination message file and returns its mount."""
    path = container.get("terminationMessagePath") or "/dev/termination-log"
    run.mkdir(parents=True, exist_ok=True)
    message = run / "message"
    message.touch()
    return [Mount(str(message), path)]
