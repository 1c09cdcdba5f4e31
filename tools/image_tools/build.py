"""Builds one image of the Dockerfile, tags it with the version of the code, and measures it."""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from image_tools.engine import EngineError, run_docker, run_docker_to_log

TARGETS = ("steps", "services", "airflow")
"""The Dockerfile's targets. `steps` first: most wait for it."""
LOCAL = "local"
"""The tag of what was built last on this machine."""
NEEDED_GB = 6
"""What a first build of all three leaves on the engine's disk: layers, build cache, downloaded wheels."""


@dataclass(frozen=True)
class Built:
    """An image: its target, its two names, its size in bytes as Docker reports it, and the seconds of the build."""

    target: str
    name: str
    name_local_image: str
    size: int
    seconds: float


def name_repository(target: str) -> str:
    """Returns the name of the image of `target` without its tag."""
    return f"nightshift-{target}"


def name_local_image(target: str) -> str:
    """Returns the name of the image of `target` that was built last on this machine."""
    return f"{name_repository(target)}:{LOCAL}"


def make_tag(version: str) -> str:
    """Returns `version` as a tag: at most 128 letters, digits, `_`, `.` and `-`, not beginning with the last two."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", version).lstrip(".-")[:128]


def build(target: str, version: str, sources: Path, log: Path, fresh: bool = False) -> Built:
    """Builds `target` and tags it. `fresh`: installs Debian's packages again, with their latest corrections.

    Raises EngineError, and then the tags stay unchanged.
    """
    started = time.monotonic()
    named = f"{name_repository(target)}:{make_tag(version)}"
    arguments = (
        "buildx",
        "build",
        "--load",
        "--progress=plain",
        "--target",
        target,
        "--build-arg",
        f"CODE_VERSION={version}",
    )
    run_docker_to_log(
        log, *arguments, *_build_options(fresh), "--tag", named, "--tag", name_local_image(target), str(sources)
    )
    size = int(run_docker("image", "inspect", "--format", "{{.Size}}", named))
    return Built(target, named, name_local_image(target), size, time.monotonic() - started)


def _build_options(fresh: bool) -> list[str]:
    """Returns the options of the build. The environment variable BASE names another base image."""
    base = [f"--build-arg=BASE={os.environ['BASE']}"] if os.environ.get("BASE") else []
    return [*base, "--no-cache-filter=base"] if fresh else base


def check_space() -> None:
    """Raises EngineError when the engine's disk, if it is on this machine, has too little space for a first build."""
    folder = Path(run_docker("info", "--format", "{{.DockerRootDir}}").strip())
    if not folder.is_dir() or run_docker("image", "ls", "--quiet", name_local_image(TARGETS[-1])).strip():
        return
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < NEEDED_GB:
        raise EngineError(
            f"the disk of the Docker engine ({folder}) has {free_gb:.0f} GB left and needs {NEEDED_GB} GB: free some"
        )
