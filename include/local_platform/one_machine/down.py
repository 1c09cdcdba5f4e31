"""Ending everything: in the reverse order of the start, and then whatever is left."""

import time
from pathlib import Path

from local_platform import marked_processes
from local_platform.one_machine.home import Home
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import Supervisor

WAVES = (("triggerer", "scheduler", "dag-processor", "airflow"), ("cluster", "mlflow"), ("s3",))
"""Who is asked to end together: first those that use the others."""
PATIENCE = 40.0
"""Seconds for one wave; each service is killed by its guard before that."""


def down(home: Home, progress: Progress) -> int:
    """Ends every process of this home. Returns how many there were; none is left."""
    before = len(marked_processes.ours(home.path))
    if not before:
        progress.say("  nothing runs")
        return 0
    with progress.doing("Stopping"):
        supervisor = Supervisor(home)
        if supervisor.is_running():
            for wave in WAVES:
                _end(supervisor, wave)
            supervisor.shut_down()
            _wait(home)
        marked_processes.end(home.path)
        _sweep_sockets(home)
    return before


def _end(supervisor: Supervisor, wave: tuple[str, ...]) -> None:
    for name in wave:
        if name in supervisor.states():
            supervisor.stop(name)
    deadline = time.monotonic() + PATIENCE
    while any(s.process for s in supervisor.states().values() if s.name in wave) and time.monotonic() < deadline:
        time.sleep(0.05)


def _wait(home: Home) -> None:
    """Until the supervisor has gone; what else still runs is ended next."""
    deadline = time.monotonic() + 5
    while marked_processes.ours(home.path) and time.monotonic() < deadline:
        time.sleep(0.05)


def _sweep_sockets(home: Home) -> None:
    """The S3 server leaves its sockets in /tmp when it is killed, named after its ports."""
    options = home.path / "s3" / "options"
    if not options.exists():
        return
    ports = [
        value for name, _, value in (line.partition("=") for line in options.read_text().splitlines()) if "port" in name
    ]
    for port in ports:
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - where that server puts them
            path.unlink(missing_ok=True)
