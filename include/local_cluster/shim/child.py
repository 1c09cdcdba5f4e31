"""The container's first process, between fork and exec."""

from __future__ import annotations

import os
import signal

from local_cluster.shim import linux, sandbox
from local_cluster.shim.spec import RunSpec


def become_container(spec: RunSpec, scratch: str, output: int, failure: int) -> None:
    """Turns this forked process into the container's program.

    On failure, writes the reason to the pipe `failure` and exits with 127.
    """
    try:
        _prepare(spec, scratch, output)
        _execute(spec)
    except Exception as error:
        os.write(failure, f"cannot start {spec.argv[0]!r}: {error}".encode())
    finally:
        os._exit(127)


def _prepare(spec: RunSpec, scratch: str, output: int) -> None:
    """Prepares session, output, file system and signals."""
    os.setsid()
    os.umask(0o022)
    linux.set_process_property(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if spec.namespaces != "none":
        sandbox.enter(spec, scratch)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    if spec.no_new_privileges:
        linux.set_process_property(linux.PR_SET_NO_NEW_PRIVS, 1)


def _execute(spec: RunSpec) -> None:
    """Replaces this process by the pod's program. Returns only by raising OSError."""
    try:
        os.chdir(spec.directory)
    except FileNotFoundError as error:
        raise OSError(f"the working directory {spec.directory!r} does not exist") from error
    try:
        os.execvpe(spec.argv[0], spec.argv, spec.environment)  # noqa: S606 - the argument vector of the pod, no shell
    except FileNotFoundError as error:
        where = "" if "/" in spec.argv[0] else f" in $PATH {spec.environment.get('PATH', '')}"
        raise OSError(f"executable file not found{where}") from error
