"""`make down`: stops the services in the reverse order of their start, then ends whatever is left."""

import time
from pathlib import Path

from local_platform import marked_processes
from local_platform.one_machine.home import Home
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import Supervisor

WAVES = (("triggerer", "scheduler", "dag-processor", "airflow"), ("cluster", "mlflow"), ("s3",))
"""The services that are stopped together: first those that use the others."""
WAVE_TIMEOUT = 40.0
"""Seconds for one wave; a service's process guard kills it before that."""


def stop_platform(home: Home, progress: Progress) -> int:
    """Ends every process of this home. Returns how many there were."""
    before = len(marked_processes.find_processes_of(home.path))
    if not before:
        progress.print_line("  nothing runs")
        return 0
    with progress.show_task("Stopping"):
        supervisor = Supervisor(home)
        if supervisor.is_running():
            for wave in WAVES:
                _end_services(supervisor, wave)
            supervisor.shut_down()
            _wait_for_supervisor(home)
        marked_processes.end_processes_of(home.path)
        _remove_sockets(home)
    return before


def _end_services(supervisor: Supervisor, wave: tuple[str, ...]) -> None:
    for name in wave:
        if name in supervisor.read_states():
            supervisor.stop_service(name)
    deadline = time.monotonic() + WAVE_TIMEOUT
    while any(s.process for s in supervisor.read_states().values() if s.name in wave) and time.monotonic() < deadline:
        time.sleep(0.05)


def _wait_for_supervisor(home: Home) -> None:
    """Waits until every process has ended, for five seconds; the caller ends what still runs."""
    deadline = time.monotonic() + 5
    while marked_processes.find_processes_of(home.path) and time.monotonic() < deadline:
        time.sleep(0.05)


def _remove_sockets(home: Home) -> None:
    """Removes the sockets that a killed S3 server leaves in /tmp, named after its ports."""
    options = home.path / "s3" / "options"
    if not options.exists():
        return
    ports = [
        value for name, _, value in (line.partition("=") for line in options.read_text().splitlines()) if "port" in name
    ]
    for port in ports:
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - where that server puts them
            path.unlink(missing_ok=True)
