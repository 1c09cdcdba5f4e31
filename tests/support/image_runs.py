"""Running things in an image, and what a missing engine or image is told as."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

CONFINED = ("--rm", "--read-only", "--tmpfs", "/tmp", "--network", "none", "--cap-drop", "ALL")  # noqa: S108 - the container's
SOURCES = Path(__file__).parents[2]


def run_docker(*arguments: str, stdin: str | None = None) -> str:
    """What `docker WORDS` prints; the test fails with its errors when it fails."""
    completed = subprocess.run(
        ("docker", *arguments), input=stdin, capture_output=True, text=True, check=False, timeout=600
    )
    if completed.returncode:
        command, error = " ".join(arguments)[:200], completed.stderr.strip()[-2000:]
        pytest.fail(f"'docker {command}' ended with {completed.returncode}: {error}")
    return completed.stdout.strip()


def run(image: str, *arguments: str, user: str = "", stdin: str | None = None) -> str:
    """What a program prints in the image, with a root it cannot write, without a network and without any capability."""
    as_user = ("--user", user) if user else ()
    return run_docker(
        "run", "--interactive", *CONFINED, *as_user, "--entrypoint", arguments[0], image, *arguments[1:], stdin=stdin
    )


def run_python(image: str, program: str, user: str = "") -> str:
    """What a Python program prints in the image."""
    return run(image, "python", "-W", "ignore", "-", user=user, stdin=program)


def inspect_image(image: str) -> dict[str, Any]:
    """What Docker knows of the image."""
    document: list[dict[str, Any]] = json.loads(run_docker("image", "inspect", image))
    return document[0]
