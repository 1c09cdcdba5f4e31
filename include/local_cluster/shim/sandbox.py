"""Builds what a container sees: a private root of bind mounts, its volumes, its own processes.

The root is a tmpfs whose entries are the directories of this machine, so that a volume can be mounted at any path,
whoever the user is. A volume over /tmp would hide programs that are installed below /tmp: the directories in `keep` are
mounted there again.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from local_cluster.shim import linux
from local_cluster.shim.spec import Mount, RunSpec

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def make_namespaces(with_processes: bool) -> None:
    """Gives this process's next child its own process namespace, and an ordinary user the right to mount.

    Raises OSError where forbidden.
    """
    user, group = os.getuid(), os.getgid()
    processes = linux.CLONE_NEWPID if with_processes else 0
    if user == 0:
        if processes:
            linux.unshare(processes)
        return
    linux.unshare(processes | linux.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def enter(spec: RunSpec, scratch: str) -> None:
    """Builds the container's root in the empty directory `scratch` and moves into it. Raises OSError."""
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_SLAVE)
    root = Root(scratch)
    root.add_devices()
    root.add_processes(own=spec.namespaces == "pid")
    mounts = sorted((replace(mount, target=os.path.realpath(mount.target)) for mount in spec.mounts), key=_count_depth)
    targets = [mount.target for mount in mounts]
    hidden = [path for path in map(os.path.realpath, spec.hide) if Path(path).exists()]
    for path in hidden:
        root.hide(path)
    for mount in mounts:
        if not _is_below(mount.target, targets):
            root.add_mount_point(mount.target, is_directory=Path(mount.source).is_dir())
    if spec.read_only_root:
        linux.make_read_only(scratch)
        root.add_shared_memory()
    for mount in mounts:
        root.bind(mount)
    for path in sorted(spec.keep, key=len):
        if _is_below(path, targets + hidden):
            root.bind(Mount(path, path, spec.read_only_root))
            targets.append(path)
    for mount in spec.code:
        root.bind(mount)
    linux.pivot_root(scratch)


def _count_depth(mount: Mount) -> int:
    return mount.target.count("/")


def _is_below(path: str, others: list[str]) -> bool:
    """Whether a path lies below one of the others, without being one of them."""
    return path not in others and any(path.startswith(other.rstrip("/") + "/") for other in others)


class Root:
    """The root directory of one container while it is built."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._own = {"/"}  # directories that are the container's, so that mount points can be made there
        _mount_tmpfs(directory, "mode=755")
        self._mirror("/", skip=("dev", "proc"))

    def bind(self, mount: Mount) -> None:
        """Mounts the mount's source at its target."""
        self.add_mount_point(mount.target, is_directory=Path(mount.source).is_dir())
        target = self._directory + mount.target
        linux.mount(mount.source, target, None, linux.MS_BIND | linux.MS_REC)
        if mount.read_only:
            linux.make_read_only(target)
        self._own.add(mount.target)

    def hide(self, path: str) -> None:
        """Makes a path of this machine appear empty."""
        if Path(path).is_dir():
            _mount_tmpfs(self._directory + path, "mode=755")
            self._own.add(path)
        else:
            linux.mount("/dev/null", self._directory + path, None, linux.MS_BIND)

    def add_mount_point(self, path: str, is_directory: bool) -> None:
        """Makes sure that `path` exists, without writing to this machine's own directories."""
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            place = "/" + "/".join(parts[:depth])
            if Path(self._directory + place).exists():
                continue
            parent = str(Path(place).parent)
            if not self._is_own(parent):
                _mount_tmpfs(self._directory + parent, "mode=755")
                self._mirror(parent)
                self._own.add(parent)
            _make(self._directory + place, is_directory or depth < len(parts))
            self._own.add(place)

    def add_devices(self) -> None:
        """Makes the small /dev that containers have."""
        root = self._directory
        _mount_tmpfs(f"{root}/dev", "mode=755")
        for name in DEVICES:
            if Path(f"/dev/{name}").exists():
                _make(f"{root}/dev/{name}", is_directory=False)
                linux.mount(f"/dev/{name}", f"{root}/dev/{name}", None, linux.MS_BIND)
        for link, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
            Path(f"{root}/dev/{link}").symlink_to(target)
        Path(f"{root}/dev/shm").mkdir()  # noqa: S108 - the container's own
        self._own.add("/dev")
        self.add_shared_memory()

    def add_shared_memory(self) -> None:
        """Mounts a writable /dev/shm, which containers have even when their root is read-only."""
        _mount_tmpfs(f"{self._directory}/dev/shm", "mode=1777")  # noqa: S108 - the container's own

    def add_processes(self, own: bool) -> None:
        """Mounts /proc: the container's own processes where it has a process namespace."""
        target = f"{self._directory}/proc"
        if own:
            linux.mount("proc", target, "proc", linux.MS_NOSUID | linux.MS_NODEV)
        else:
            linux.mount("/proc", target, None, linux.MS_BIND | linux.MS_REC)

    def _mirror(self, directory: str, skip: tuple[str, ...] = ()) -> None:
        """Fills the container's empty `directory` with this machine's entries."""
        for entry in os.scandir(directory):
            target = self._directory + entry.path
            if entry.name in skip:
                Path(target).mkdir()
            elif entry.is_symlink():
                Path(target).symlink_to(Path(entry.path).readlink())
            else:
                _make(target, is_directory=entry.is_dir())
                linux.mount(entry.path, target, None, linux.MS_BIND | linux.MS_REC)

    def _is_own(self, directory: str) -> bool:
        """Whether a directory belongs to the container: it, or a directory above it, was made here."""
        if directory in self._own:
            return True
        volumes = [own for own in self._own if own != "/" and directory.startswith(own + "/")]
        return bool(volumes)


def _make(path: str, is_directory: bool) -> None:
    """Creates an empty directory or file to mount on."""
    if is_directory:
        Path(path).mkdir()
    else:
        Path(path).touch()


def _mount_tmpfs(target: str, options: str) -> None:
    """Mounts an empty file system in memory."""
    linux.mount("tmpfs", target, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
