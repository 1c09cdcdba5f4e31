"""Airflow on one machine: its four services, and every option that differs from the defaults, with the reason."""

import json
from collections.abc import Mapping
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from local_platform.checkout import SOURCES
from local_platform.files import set_aside, write_private
from local_platform.services.service import BIN, Service, fetch

USERS = {"admin": "admin", "analyst": "viewer"}
"""Airflow's users and their roles: who operates, and who reads."""
COMPONENTS = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
"""The services besides the API server, and their names in Airflow's health report."""
IMAGE = "nightshift-steps:local"


@dataclass(frozen=True)
class AirflowInstance:
    """One Airflow: its home, its port, its secrets, and the addresses that it uses.

    `image`: what the steps' pods run. `options`: variables of Airflow that override those chosen here.
    """

    home: Path
    port: int
    kubeconfig: Path
    mlflow_url: str
    passwords: dict[str, str] = field(repr=False)
    jwt_key: str = field(repr=False)
    api_key: str = field(repr=False)
    fernet_key: str = field(repr=False)
    viewer: dict[str, str] = field(repr=False)
    image: str = IMAGE
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """The URL of its pages."""
        return f"http://localhost:{self.port}"


def build_environment(airflow: AirflowInstance) -> dict[str, str]:
    """Returns the environment of every Airflow process."""
    return {
        "AIRFLOW_HOME": str(airflow.home),
        "KUBECONFIG": str(airflow.kubeconfig),
        "NIGHTSHIFT_STEP_IMAGE": airflow.image,
        "NIGHTSHIFT_MLFLOW_URL": airflow.mlflow_url,
        "AIRFLOW__CORE__DAGS_FOLDER": str(SOURCES / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(SOURCES / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        # Airflow's generated configuration names the folders of its first start, and a home may be copied or moved.
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(airflow.home / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(airflow.home / "logs" / "dag_processor"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # SQLite has one writer at a time: on a busy machine another waits longer for it than the default of 5 s.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow.home / 'airflow.db'}?timeout=60",
        **_build_access_options(airflow),
        **_build_pace_options(),
        **airflow.options,
    }


def _build_access_options(airflow: AirflowInstance) -> dict[str, str]:
    return {
        # The default listens on every address.
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(airflow.port),
        "AIRFLOW__API__BASE_URL": airflow.url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{airflow.port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(airflow.home / "passwords.json"),
        # Left unset, each process would make its own and refuse the others' tokens.
        "AIRFLOW__API_AUTH__JWT_SECRET": airflow.jwt_key,
        "AIRFLOW__API__SECRET_KEY": airflow.api_key,
        "AIRFLOW__CORE__FERNET_KEY": airflow.fernet_key,
    }


def _build_pace_options() -> dict[str, str]:
    return {
        # A step waits for the scheduler's next loop, five times per night: half a second at most instead of one. With a
        # tenth of a second the scheduler takes a fifth of a core for as long as the platform runs.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # Each worker idles at 130 to 200 MB; the default of 32 would fill a small machine.
        "AIRFLOW__CORE__PARALLELISM": "4",
        # A killed task is noticed after this many seconds; the default of 300 would use up the time for its retries.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        # The tasks of a killed scheduler are found only when the next one checks for orphans. Its first check comes
        # before the old scheduler counts as dead, and the default interval until the second one is 300 s.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # The end of a skipped or failed task is noticed at its next heartbeat: within one second, not five.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A task outlives a restart of the API server, which takes half a minute on a busy machine.
        "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "45",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
        # The same for a task's API calls: nine attempts last more than a minute, the default of five 15 s.
        "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "9",
        # A new model's folder appears within half a minute, not within five.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        # The full name needs DNS, which a machine on its own may not have.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        # The logs are files.
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "false",
        # Keeps /proc/PID/environ unchanged: by it `make down` recognises the processes of this home.
        "SPT_NOENV": "1",
        "OMP_NUM_THREADS": "1",
    }


def define_services(airflow: AirflowInstance) -> tuple[Service, ...]:
    """Returns the API server, the DAG processor, the scheduler and the triggerer."""
    # Two services may read the bucket nightshift: the API server shows results and pages, and tasks of the scheduler
    # request a person's approval of a verdict. The others have no access to object storage.
    server = _define_service(airflow, "airflow", ("api-server",), airflow.viewer)
    return (
        server,
        _define_service(airflow, "dag-processor", ("dag-processor",)),
        # Its log server would listen on every address, and the API server reads the same files.
        _define_service(airflow, "scheduler", ("scheduler", "--skip-serve-logs"), airflow.viewer),
        _define_service(airflow, "triggerer", ("triggerer", "--skip-serve-logs")),
    )


def _define_service(
    airflow: AirflowInstance, name: str, arguments: tuple[str, ...], variables: dict[str, str] | None = None
) -> Service:
    return Service(
        name=name,
        command=(str(BIN / "airflow"), *arguments),
        directory=airflow.home,
        environment={**build_environment(airflow), **(variables or {})},
        ready=lambda since: is_healthy(airflow, name, since),
        start_timeout=300,  # 20 s on a free machine; a busy one is waited for
        grace=5,
        prepare=lambda: prepare(airflow),
        watch=(_find_health_url(airflow), COMPONENTS[name]) if name in COMPONENTS else None,
    )


def prepare(airflow: AirflowInstance) -> None:
    """Writes what every service of Airflow starts with."""
    airflow.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(airflow.home / "passwords.json", json.dumps(airflow.passwords) + "\n")
    _set_damaged_aside(airflow.home / "airflow.cfg")


def _set_damaged_aside(generated: Path) -> None:
    """Renames a damaged airflow.cfg: Airflow writes it once, and no service starts while it is damaged."""
    parser = RawConfigParser(strict=False)
    try:
        parser.read(generated)
    except (ConfigParserError, UnicodeDecodeError):
        parser.clear()
    if generated.exists() and not parser.sections():
        set_aside(generated)


def build_migration_command(airflow: AirflowInstance) -> tuple[str, ...]:
    """Returns the command that creates or migrates the database; it runs before any service starts."""
    airflow.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (str(BIN / "airflow"), "db", "migrate")


def _find_health_url(airflow: AirflowInstance) -> str:
    """Returns the URL of Airflow's report on the heartbeats of its components."""
    return f"http://127.0.0.1:{airflow.port}/api/v2/monitor/health"


def is_healthy(airflow: AirflowInstance, name: str, since: float = 0) -> bool:
    """Whether a service is ready. `since` (seconds since the epoch): an older heartbeat does not count."""
    report = fetch(_find_health_url(airflow))
    if report is None:
        return False
    if name not in COMPONENTS:
        # Airflow builds its task API at the first call, which costs seconds of CPU: have it built now.
        return fetch(f"http://127.0.0.1:{airflow.port}/execution/health", timeout=60) is not None
    component = COMPONENTS[name]
    try:
        component_report = json.loads(report)[component]
        heartbeat = component_report[f"latest_{component}_heartbeat"]
        return component_report["status"] == "healthy" and datetime.fromisoformat(heartbeat).timestamp() >= since
    except (ValueError, KeyError, TypeError):  # no heartbeat yet, or another program's reply
        return False
