"""A shell, or one command, with the environment of the steps' pods: `nightshift`, `airflow`, `kubectl` work."""

import os
from collections.abc import Sequence

from local_platform.errors import NotReady
from local_platform.one_machine.platform import Platform
from local_platform.services import airflow_services
from local_platform.services.service import user


def run(platform: Platform, command: Sequence[str]) -> int:
    """Becomes `command`, or the user's shell without one. Raises `NotReady` when there is no such program."""
    environment = {
        **airflow_services.environment(platform.airflow),
        **platform.step_environment(f"shell:{user()}"),
        "KUBECONFIG": str(platform.airflow.kubeconfig),
        **{name: os.environ[name] for name in ("HOME", "TERM", "SHELL") if name in os.environ},
    }
    words = list(command) or [os.environ.get("SHELL", "/bin/sh")]
    try:
        os.execvpe(words[0], words, environment)  # noqa: S606 - the user's own command
    except OSError as error:
        raise NotReady(f"{words[0]} cannot be run: {error.strerror}") from error
