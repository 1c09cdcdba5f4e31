"""One image of the Dockerfile: built, tagged with the version of the code, measured."""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from image_tools.engine import EngineError, docker, docker_to_file

TARGETS = ("steps", "services", "airflow")
"""The Dockerfile's targets. `steps` first: most wait for it."""
LOCAL = "local"
"""The tag of what was built last on this machine."""
NEEDED_GB = 6
"""What a first build of all three leaves on the engine's disk: layers, build cache, downloaded wheels."""


@dataclass(frozen=True)
class Built:
    """An image: its target, its two names, its size in bytes as Docker says it, how long the build took in seconds."""

    target: str
    name: str
    local_name: str
    size: int
    seconds: float


def repository(target: str) -> str:
    """What the image of `target` is called, without its tag."""
    return f"nightshift-{target}"


def local_name(target: str) -> str:
    """The image of `target` that was built last here."""
    return f"{repository(target)}:{LOCAL}"


def tag(version: str) -> str:
    """`version` as a tag: at most 128 letters, digits, `_`, `.` and `-`, not beginning with the last two."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", version).lstrip(".-")[:128]


def build(target: str, version: str, sources: Path, log: Path, fresh: bool = False) -> Built:
    """Build `target` and tag it; `fresh` takes Debian's packages anew, with the corrections since they were last taken.

    Raises EngineError; then the tags stay with what they named before.
    """
    started = time.monotonic()
    named = f"{repository(target)}:{tag(version)}"
    words = (
        "buildx",
        "build",
        "--load",
        "--progress=plain",
        "--target",
        target,
        "--build-arg",
        f"CODE_VERSION={version}",
    )
    docker_to_file(log, *words, *_wishes(fresh), "--tag", named, "--tag", local_name(target), str(sources))
    size = int(docker("image", "inspect", "--format", "{{.Size}}", named))
    return Built(target, named, local_name(target), size, time.monotonic() - started)


def _wishes(fresh: bool) -> list[str]:
    """The environment variable BASE names another base image."""
    base = [f"--build-arg=BASE={os.environ['BASE']}"] if os.environ.get("BASE") else []
    return [*base, "--no-cache-filter=base"] if fresh else base


def check_room() -> None:
    """Raises EngineError when the engine's disk, if it is this machine's, has too little room for a first build."""
    folder = Path(docker("info", "--format", "{{.DockerRootDir}}").strip())
    if not folder.is_dir() or docker("image", "ls", "--quiet", local_name(TARGETS[-1])).strip():
        return
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < NEEDED_GB:
        raise EngineError(
            f"the disk of the Docker engine ({folder}) has {free_gb:.0f} GB left and needs {NEEDED_GB} GB: free some"
        )
