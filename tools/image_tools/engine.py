"""Runs the Docker command line. Every failure is an EngineError of one sentence."""

import subprocess
from pathlib import Path
from typing import IO

NO_SPACE = "no space left on device"
LONGEST_S = 3600
"""A first build downloads a gigabyte; what takes longer than this many seconds hangs."""


class EngineError(Exception):
    """Docker is missing, does not answer, or refused; the message says which and what to do."""


def run_docker(*arguments: str, stdin: str | None = None) -> str:
    """Returns the output of `docker ARGUMENTS`. Raises EngineError with the last line of its errors."""
    completed = _run(arguments, stdin=stdin)
    if completed.returncode:
        raise EngineError(f"'docker {' '.join(arguments[:2])}' failed: {find_reason(completed.stderr)}")
    return completed.stdout


def run_docker_to_log(log: Path, *arguments: str) -> None:
    """Runs `docker ARGUMENTS` with its output in the file `log`. Raises EngineError that names the log."""
    with log.open("w") as stream:
        completed = _run(arguments, output=stream)
    if completed.returncode:
        raise EngineError(
            f"'docker {' '.join(arguments[:2])}' failed: {find_reason(log.read_text())}; the whole output is in {log}"
        )


def check_engine() -> None:
    """Raises EngineError unless a Docker engine answers and can build."""
    if _run(("version", "--format", "{{.Server.Version}}")).returncode:
        raise EngineError("the Docker engine does not answer: start it, or let DOCKER_HOST name one that runs")
    if _run(("buildx", "version")).returncode:
        raise EngineError(
            "this Docker has no buildx: install it (Debian: docker-buildx, elsewhere docker-buildx-plugin)"
        )


def find_reason(printed: str) -> str:
    """Returns the most useful line of `printed`: that the disk is full, else the last one."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    if any(NO_SPACE in line for line in lines):
        return "the disk of the Docker engine is full: free some with 'docker system prune'"
    return lines[-1] if lines else "it printed nothing"


def _run(
    arguments: tuple[str, ...], stdin: str | None = None, output: IO[str] | None = None
) -> subprocess.CompletedProcess[str]:
    errors = subprocess.STDOUT if output else subprocess.PIPE
    try:
        return subprocess.run(
            ("docker", *arguments),
            input=stdin,
            stdout=output or subprocess.PIPE,
            stderr=errors,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
    except FileNotFoundError as e:
        raise EngineError("the program docker was not found: install Docker and its buildx plugin") from e
    except subprocess.TimeoutExpired as e:
        raise EngineError(f"'docker {' '.join(arguments[:2])}' did not end within {LONGEST_S} s") from e
