"""The Docker engine, by its command line. Whatever goes wrong with it is an EngineError of one sentence."""

import subprocess
from pathlib import Path
from typing import IO

NO_SPACE = "no space left on device"
LONGEST_S = 3600
"""A first build downloads a gigabyte; what takes longer than this many seconds hangs."""


class EngineError(Exception):
    """Docker is missing, does not answer, or refused; the message says which and what to do."""


def docker(*words: str, stdin: str | None = None) -> str:
    """What `docker WORDS` prints. Raises EngineError with the last line of its errors."""
    done = _run(words, stdin=stdin)
    if done.returncode:
        raise EngineError(f"'docker {' '.join(words[:2])}' failed: {reason(done.stderr)}")
    return done.stdout


def docker_to_file(log: Path, *words: str) -> None:
    """Run `docker WORDS` with all that it prints in the file `log`. Raises EngineError naming the log."""
    with log.open("w") as stream:
        done = _run(words, output=stream)
    if done.returncode:
        raise EngineError(f"'docker {' '.join(words[:2])}' failed: {reason(log.read_text())}; all of it is in {log}")


def ready() -> None:
    """Raises EngineError unless a Docker engine answers and can build."""
    if _run(("version", "--format", "{{.Server.Version}}")).returncode:
        raise EngineError("the Docker engine does not answer: start it, or let DOCKER_HOST name one that runs")
    if _run(("buildx", "version")).returncode:
        raise EngineError(
            "this Docker has no buildx: install it (Debian: docker-buildx, elsewhere docker-buildx-plugin)"
        )


def reason(printed: str) -> str:
    """The line of `printed` that says most: no space, else the last one."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    if any(NO_SPACE in line for line in lines):
        return "the disk of the Docker engine is full: free some with 'docker system prune'"
    return lines[-1] if lines else "it said nothing"


def _run(
    words: tuple[str, ...], stdin: str | None = None, output: IO[str] | None = None
) -> subprocess.CompletedProcess[str]:
    errors = subprocess.STDOUT if output else subprocess.PIPE
    try:
        return subprocess.run(
            ("docker", *words),
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
        raise EngineError(f"'docker {' '.join(words[:2])}' did not end within {LONGEST_S} s") from e
