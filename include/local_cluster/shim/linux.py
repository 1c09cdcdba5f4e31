"""The system calls that Python 3.11 does not offer."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_MOUNT_SETATTR = 442
AT_FDCWD = -100
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 0x1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> None:
    """Raises OSError with the call's errno when it failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Moves this process (or, for CLONE_NEWPID, its children) to new namespaces."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mounts a file system. Raises OSError that names the target."""
    encoded = (source.encode(), target.encode(), kind.encode() if kind else None)
    result = _libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() if data else None)
    _check(result, f"mount {target}")


def unmount_lazily(target: str) -> None:
    """Detaches a mount now; it is freed when its last user is gone."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def pivot_root(new_root: str) -> None:
    """Makes `new_root` the root of this mount namespace and detaches the old one."""
    os.chdir(new_root)
    number = SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(f"pivot_root: unknown machine type {os.uname().machine}")
    _check(_libc.syscall(ctypes.c_long(number), b".", b"."), "pivot_root")
    unmount_lazily(".")
    os.chdir("/")


def make_read_only(target: str) -> None:
    """Makes the mounts at and below `target` read-only (Linux 5.12)."""
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    arguments = (ctypes.c_long(AT_FDCWD), target.encode(), ctypes.c_long(AT_RECURSIVE), attributes, ctypes.c_size_t(32))
    _check(_libc.syscall(ctypes.c_long(SYS_MOUNT_SETATTR), *arguments), f"mount_setattr {target}")


def set_process_property(option: int, value: int) -> None:
    """Sets a property of this process."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")
