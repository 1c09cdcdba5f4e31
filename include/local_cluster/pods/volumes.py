"""Makes the volumes of a pod as directories of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from local_cluster.files import write_durably
from local_cluster.pods.environment import ConfigError, Lookup, decode_files, read_field
from local_cluster.shim.spec import Mount

Object = dict[str, Any]
FILE_SOURCES = {"configMap": ("configmaps", "name"), "secret": ("secrets", "secretName")}


class UnsupportedVolumeError(Exception):
    """A kind of volume that this cluster does not support."""


def make_volumes(pod: Object, directory: Path, lookup: Lookup) -> dict[str, Path]:
    """Makes the volumes below `directory`: name -> source.

    Raises ConfigError when a ConfigMap or Secret is missing, UnsupportedVolumeError for other kinds of volumes.
    """
    return {
        volume["name"]: _make_one(volume, pod, directory / volume["name"], lookup)
        for volume in pod["spec"].get("volumes") or []
    }


def list_mounts(container: Object, volumes: dict[str, Path], pod: Object) -> list[Mount]:
    """Returns the mounts of the volumes in a container."""
    kinds = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
    mounts = []
    for mount in container.get("volumeMounts") or []:
        source = volumes[mount["name"]] / mount.get("subPath", "")
        if not source.exists():
            source.mkdir(parents=True)
        volume = kinds[mount["name"]]
        read_only = bool(mount.get("readOnly")) or any(
            kind in volume for kind in ("configMap", "secret", "downwardAPI", "projected")
        )
        target = "/" + mount["mountPath"].strip("/")
        mounts.append(Mount(str(source), target, read_only))
    return mounts


def _make_one(volume: Object, pod: Object, directory: Path, lookup: Lookup) -> Path:
    if "hostPath" in volume:
        return _check_host_path(volume["hostPath"])
    kinds = [kind for kind in volume if kind != "name"]
    if kinds and kinds[0] not in (*FILE_SOURCES, "emptyDir", "downwardAPI", "projected"):
        raise UnsupportedVolumeError(
            f"volume {volume['name']!r} is of kind {kinds[0]!r}, which a cluster of one machine does not have: "
            "use emptyDir, configMap, secret, downwardAPI or hostPath"
        )
    if directory.exists():
        return directory  # made by an earlier server
    fresh = directory.with_name(f".{directory.name}")
    if fresh.exists():
        discard(fresh)  # left unfinished by a crash
    fresh.mkdir(parents=True)
    fresh.chmod(0o777)
    sources = volume["projected"].get("sources") or [] if "projected" in volume else [volume]
    for source in sources:
        _write_files(source, pod, fresh, lookup)
    return fresh.rename(directory)


def _write_files(source: Object, pod: Object, directory: Path, lookup: Lookup) -> None:
    for kind, (plural, name_field) in FILE_SOURCES.items():
        if kind in source:
            _write_contents(
                plural, source[kind], source[kind].get(name_field) or source[kind].get("name", ""), directory, lookup
            )
    for item in (source.get("downwardAPI") or {}).get("items") or []:
        if "fieldRef" in item:
            _write(directory, item["path"], read_field(pod, item["fieldRef"]["fieldPath"]).encode(), 0o644)


def _write_contents(plural: str, source: Object, name: str, directory: Path, lookup: Lookup) -> None:
    stored = lookup(plural, name)
    if stored is None:
        if source.get("optional"):
            return
        raise ConfigError(f'MountVolume.SetUp failed: {plural.removesuffix("s")} "{name}" not found')
    files = decode_files(plural, stored)
    items = source.get("items") or [{"key": key, "path": key} for key in files]
    for item in items:
        if item["key"] in files:
            _write(directory, item["path"], files[item["key"]], item.get("mode", source.get("defaultMode", 0o644)))
        elif not source.get("optional"):
            raise ConfigError(f"MountVolume.SetUp failed: references non-existent {plural} key: {item['key']}")


def _write(directory: Path, path: str, data: bytes, mode: int) -> None:
    if path.startswith("/") or ".." in path.split("/"):
        raise UnsupportedVolumeError(f"the path {path!r} of a volume's file must be relative and without '..'")
    target = directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    write_durably(target, data)
    target.chmod(mode)


def _check_host_path(volume: Object) -> Path:
    path = Path(volume["path"])
    if volume.get("type") == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        raise UnsupportedVolumeError(f"hostPath {str(path)!r} does not exist on this machine")
    return path


def discard(directory: Path) -> None:
    """Removes a pod's files, whatever their permissions are."""

    def open_up(function: Any, path: str, _: Any) -> None:
        Path(path).parent.chmod(0o700)
        function(path)

    shutil.rmtree(directory, onerror=open_up)
