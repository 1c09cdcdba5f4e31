"""Describes a disk that is full or nearly full."""

import os
from pathlib import Path

from local_platform.services.watchdog import NEEDED

SCARCE = 500 * 1024**2
"""Free bytes below which `make status` warns."""


def describe_shortage(folder: Path) -> str:
    """Returns a sentence when the disk of this folder is full or nearly full, else ""."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return ""
    free = disk.f_bavail * disk.f_frsize
    space = f"the disk of {folder} has {free / 1024**2:.0f} MB left"
    if disk.f_files and not disk.f_favail:
        return f"disk full: the disk of {folder} can take no more files: remove some"
    if free < NEEDED:
        return f"disk full: {space}: free some space; services that wait for it then continue by themselves"
    return f"disk nearly full: {space}: free some space" if free < SCARCE else ""
