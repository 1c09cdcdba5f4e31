"""`make up`: starts the services in their order and waits until each of them is ready."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from local_platform import marked_processes
from local_platform.errors import CannotStart, NotReady
from local_platform.external_cluster import manifests
from local_platform.external_cluster.choice import CHOICE
from local_platform.files import read_text, write_private
from local_platform.one_machine import preflight_checks, settings
from local_platform.one_machine.home import Home
from local_platform.one_machine.moved_home import claim_home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import Supervisor
from local_platform.services import airflow_services, embedded_cluster
from local_platform.services.service import Service, build_plain_environment, wait_until_ready

BeforeAirflow = Callable[[Platform], None]


def assemble_platform(home: Home, say: Callable[[str], None] | None = None) -> Platform:
    """Returns the platform that the settings of this home describe. Starts nothing. `say`: see `read_settings`."""
    return Platform(home, settings.read_settings(home, say))


def start_platform(home: Home, progress: Progress, before_airflow: BeforeAirflow | None = None) -> Platform:
    """Starts the services that do not run and returns once all of them are ready.

    `before_airflow` is called when object storage and MLflow are ready, before Airflow starts.
    Raises `CannotStart` when the machine lacks something, and `NotReady` when a service does not become ready.
    """
    if previous_path := claim_home(home):
        progress.print_line(f"  this home was at {previous_path}: the files generated for that path are written again")
    platform = assemble_platform(home, progress.print_line)
    _check_external(platform)
    supervisor = _start_supervisor(platform, progress)
    parts = "Object storage, Kubernetes API, MLflow" if platform.cluster else "Object storage, MLflow"
    with _migrate_database(platform), progress.show_task(parts):
        _start_services(supervisor, platform.foundations, home)
        if platform.cluster:
            embedded_cluster.store_step_objects(
                platform.cluster, platform.build_step_values(), platform.build_step_secrets()
            )
    _try_external(platform, progress)
    if before_airflow:
        before_airflow(platform)
    with progress.show_task("Airflow"):
        _start_services(supervisor, platform.services[len(platform.foundations) :], home)
    return platform


def write_manifests(platform: Platform) -> Path:
    """Writes the manifests for another cluster and returns their folder. Raises `CannotStart` for the embedded one."""
    if platform.external is None:
        raise CannotStart(f"the embedded cluster needs no manifests: for another, export {CHOICE}=external")
    folder = platform.home.manifests
    manifests.write_manifests(folder, platform.build_step_values(), platform.build_step_secrets())
    return folder


def _check_external(platform: Platform) -> None:
    """Checks before anything starts that another cluster answers, is prepared, and accepts pods from Airflow."""
    if platform.external:
        # Imported here: the embedded cluster needs no Kubernetes client.
        from local_platform.external_cluster.admission_checks import check_rights

        check_rights(platform.external, write_manifests(platform))


def _try_external(platform: Platform, progress: Progress) -> None:
    """Checks before Airflow starts that a pod on another cluster gets its settings and reaches this machine."""
    if platform.external:
        from local_platform.external_cluster.admission_checks import check_reach

        with progress.show_task("Cluster") as task:
            external, urls = platform.external, (platform.storage_url, platform.tracking.url)
            version = check_reach(external, platform.home.manifests, *urls)
            task.result = f"pods reach {platform.address}; image {external.image} has code {version}"


def _start_supervisor(platform: Platform, progress: Progress) -> Supervisor:
    supervisor = Supervisor(platform.home)
    if supervisor.is_running():
        _prepare_services(platform)
        supervisor.update(platform.services)
        return supervisor
    if number := marked_processes.end_processes_of(platform.home.path):
        progress.print_line(f"  ended {number} processes that an earlier start had left behind")
    preflight_checks.check_disk(platform.home)
    preflight_checks.check_ports(platform)
    _prepare_services(platform)
    supervisor.start(platform.services)
    return supervisor


def _prepare_services(platform: Platform) -> None:
    for service in platform.services:
        service.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        service.prepare()


def _start_services(supervisor: Supervisor, services: tuple[Service, ...], home: Home) -> None:
    """Starts those that do not run, all at once, then waits for each of them."""
    states = supervisor.read_states()
    since = {s.name: 0.0 if states[s.name].runs else time.time() for s in services}
    for name in (name for name, started in since.items() if started):
        supervisor.start_service(name)
    for service in services:
        log = str(home.logs / f"{service.name}.log")
        wait_until_ready(service, _make_run_check(supervisor, service.name), log, since[service.name])


def _make_run_check(supervisor: Supervisor, name: str) -> Callable[[], bool]:
    return lambda: supervisor.read_states()[name].runs


@contextmanager
def _migrate_database(platform: Platform) -> Iterator[None]:
    """Migrates Airflow's database while the block runs, unless this version of Airflow did so before."""
    airflow = platform.airflow
    version_file, database = airflow.home / ".migrated", airflow.home / "airflow.db"
    if read_text(version_file) == version("apache-airflow") and database.exists() and database.stat().st_size:
        yield
        return
    command = airflow_services.build_migration_command(airflow)
    log = platform.home.logs / "migration.log"
    mark = {marked_processes.MARK: str(platform.home.path)}
    environment = {**build_plain_environment(airflow.home), **airflow_services.build_environment(airflow), **mark}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)  # noqa: S603
    try:
        yield
        if process.wait():
            raise NotReady(f"Airflow's database could not be migrated: see {log}")
        write_private(version_file, version("apache-airflow"))
    finally:
        process.kill()
        process.wait()
