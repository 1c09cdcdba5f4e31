"""Running things in an image, and what a missing engine or image is told as."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

CONFINED = ("--rm", "--read-only", "--tmpfs", "/tmp", "--network", "none", "--cap-drop", "ALL")  # noqa: S108 - the container's
SOURCES = Path(__file__).parents[2]


def run_docker(*words: str, stdin: str | None = None) -> str:
    """What `docker WORDS` prints; the test fails with its errors when it fails."""
    completed = subprocess.run(
        ("docker", *words), input=stdin, capture_output=True, text=True, check=False, timeout=600
    )
    if completed.returncode:
        pytest.fail(
            f"'docker {' '.join(words)[:200]}' ended with {completed.returncode}: {completed.stderr.strip()[-2000:]}"
        )
    return completed.stdout.strip()


def run(image: str, *words: str, user: str = "", stdin: str | None = None) -> str:
    """What a program prints in the image, with a root it cannot write, without a network and without any capability."""
    as_user = ("--user", user) if user else ()
    return run_docker(
        "run", "--interactive", *CONFINED, *as_user, "--entrypoint", words[0], image, *words[1:], stdin=stdin
    )


def run_python(image: str, program: str, user: str = "") -> str:
    """What a Python program prints in the image."""
    return run(image, "python", "-W", "ignore", "-", user=user, stdin=program)


def inspect_image(image: str) -> dict[str, Any]:
    """What Docker knows of the image."""
    document: list[dict[str, Any]] = json.loads(run_docker("image", "inspect", image))
    return document[0]
