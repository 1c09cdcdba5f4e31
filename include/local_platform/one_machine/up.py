"""Starting everything, in order, each service until it answers."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from local_platform import marked_processes
from local_platform.errors import NotReady
from local_platform.external_cluster import manifests
from local_platform.files import read_text, write_private
from local_platform.one_machine import preflight_checks, settings
from local_platform.one_machine.home import Home
from local_platform.one_machine.moved_home import claim_home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import Supervisor
from local_platform.services import airflow_services, embedded_cluster
from local_platform.services.service import Service, plain_environment, wait_until_ready

Meanwhile = Callable[[Platform], None]


def assemble(home: Home, say: Callable[[str], None] | None = None) -> Platform:
    """The platform that the settings of this home describe; nothing is started. `say` gets what was lost."""
    return Platform(home, settings.read(home, say))


def up(home: Home, progress: Progress, meanwhile: Meanwhile | None = None) -> Platform:
    """Starts what does not run yet and returns once all of it answers; quick when everything runs.

    `meanwhile` is called when the object storage and MLflow answer, before Airflow starts.
    Raises `CannotStart` when the machine lacks something and `NotReady` when a service does not come up.
    """
    if before := claim_home(home):
        progress.say(f"  this home was at {before}: what was generated for that place is made anew")
    platform = assemble(home, progress.say)
    _check_external(platform)
    supervisor = _supervised(platform, progress)
    parts = "Object storage, Kubernetes API, MLflow" if platform.cluster else "Object storage, MLflow"
    with _migration(platform), progress.doing(parts):
        _start(supervisor, platform.foundations, home)
        if platform.cluster:
            embedded_cluster.configure(platform.cluster, platform.step_values(), platform.step_secrets())
    _try_external(platform, progress)
    if meanwhile:
        meanwhile(platform)
    with progress.doing("Airflow"):
        _start(supervisor, platform.services[len(platform.foundations) :], home)
    return platform


def _check_external(platform: Platform) -> None:
    """Before anything starts: another cluster must be there, prepared, and open to Airflow."""
    if platform.external:
        from local_platform.external_cluster.admission_checks import (
            check_rights,  # the embedded cluster needs no Kubernetes client
        )

        manifests.write(platform)
        check_rights(platform, platform.external)


def _try_external(platform: Platform, progress: Progress) -> None:
    """Before Airflow starts: a pod on another cluster must find its settings and reach this machine."""
    if platform.external:
        from local_platform.external_cluster.admission_checks import check_reach

        with progress.doing("Cluster") as doing:
            version = check_reach(platform, platform.external)
            doing.result = f"pods reach {platform.address}; image {platform.external.image} has code {version}"


def _supervised(platform: Platform, progress: Progress) -> Supervisor:
    supervisor = Supervisor(platform.home)
    if supervisor.is_running():
        _prepare(platform)
        supervisor.update(platform.services)
        return supervisor
    if left := marked_processes.end(platform.home.path):
        progress.say(f"  ended {left} processes that an earlier start had left behind")
    preflight_checks.check_disk(platform.home)
    preflight_checks.check_ports(platform)
    _prepare(platform)
    supervisor.start(platform.services)
    return supervisor


def _prepare(platform: Platform) -> None:
    for service in platform.services:
        service.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        service.prepare()


def _start(supervisor: Supervisor, services: tuple[Service, ...], home: Home) -> None:
    """Starts those that do not run, all at once, then waits for one after the other."""
    states = supervisor.states()
    since = {s.name: 0.0 if states[s.name].runs else time.time() for s in services}
    for name in (name for name, started in since.items() if started):
        supervisor.run(name)
    for service in services:
        log = str(home.logs / f"{service.name}.log")
        wait_until_ready(service, _still_runs(supervisor, service.name), log, since[service.name])


def _still_runs(supervisor: Supervisor, name: str) -> Callable[[], bool]:
    return lambda: supervisor.states()[name].runs


@contextmanager
def _migration(platform: Platform) -> Iterator[None]:
    """Brings Airflow's database up to date while the block runs; nothing when this version has done so before."""
    airflow = platform.airflow
    done, database = airflow.home / ".migrated", airflow.home / "airflow.db"
    if read_text(done) == version("apache-airflow") and database.exists() and database.stat().st_size:
        yield
        return
    command = airflow_services.migration(airflow)
    log = platform.home.logs / "migration.log"
    mark = {marked_processes.MARK: str(platform.home.path)}
    environment = {**plain_environment(airflow.home), **airflow_services.environment(airflow), **mark}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)  # noqa: S603
    try:
        yield
        if process.wait():
            raise NotReady(f"Airflow's database could not be made: see {log}")
        write_private(done, version("apache-airflow"))
    finally:
        process.kill()
        process.wait()
