"""How much room the disk of a home has, in words."""

import os
from pathlib import Path

from local_platform.services.watchdog import NEEDED

SCARCE = 500 * 1024**2
"""Free bytes below which a person is told."""


def describe_shortage(folder: Path) -> str:
    """Says that the disk of this folder is full, or nearly; empty while it has room."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return ""
    free = found.f_bavail * found.f_frsize
    left = f"the disk of {folder} has {free / 1024**2:.0f} MB left"
    if found.f_files and not found.f_favail:
        return f"disk full: the disk of {folder} can take no more files: remove some"
    if free < NEEDED:
        return f"disk full: {left}: free some space; services that stand still go on by themselves then"
    return f"disk nearly full: {left}: free some space" if free < SCARCE else ""
