"""`make shell`: a shell, or one command, with the environment of the steps' pods and of Airflow."""

import os
from collections.abc import Sequence

from local_platform.errors import NotReady
from local_platform.one_machine.platform import Platform
from local_platform.services import airflow_services
from local_platform.services.service import read_user_name


def run_shell(platform: Platform, command: Sequence[str]) -> int:
    """Replaces this process by `command`, or by the user's shell. Raises `NotReady` when there is no such program."""
    environment = {
        **airflow_services.build_environment(platform.airflow),
        **platform.build_step_environment(f"shell:{read_user_name()}"),
        "KUBECONFIG": str(platform.airflow.kubeconfig),
        **{name: os.environ[name] for name in ("HOME", "TERM", "SHELL") if name in os.environ},
    }
    arguments = list(command) or [os.environ.get("SHELL", "/bin/sh")]
    try:
        os.execvpe(arguments[0], arguments, environment)  # noqa: S606 - the user's own command
    except OSError as error:
        raise NotReady(f"{arguments[0]} cannot be run: {error.strerror}") from error
