"""Airflow on one machine: its four services, and every option that differs from its defaults, with the reason."""

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
"""The services besides the API server, and what Airflow's health report calls them."""
IMAGE = "nightshift-steps:local"


@dataclass(frozen=True)
class Orchestration:
    """One Airflow: where it keeps its things, its port, its secrets, and what it is to reach.

    `image`: what the steps' pods run. `options`: Airflow's own variables that take the place of those chosen here.
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


def environment(airflow: Orchestration) -> dict[str, str]:
    """The environment of every Airflow process."""
    return {
        "AIRFLOW_HOME": str(airflow.home),
        "KUBECONFIG": str(airflow.kubeconfig),
        "NIGHTSHIFT_STEP_IMAGE": airflow.image,
        "NIGHTSHIFT_MLFLOW_URL": airflow.mlflow_url,
        "AIRFLOW__CORE__DAGS_FOLDER": str(SOURCES / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(SOURCES / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        # Airflow's generated file names the folders of its first start, and a home may be copied or moved.
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(airflow.home / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(airflow.home / "logs" / "dag_processor"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # SQLite has one writer at a time: on a busy machine another waits longer for it than the default of 5 s.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow.home / 'airflow.db'}?timeout=60",
        **_access(airflow),
        **_pace(),
        **airflow.options,
    }


def _access(airflow: Orchestration) -> dict[str, str]:
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


def _pace() -> dict[str, str]:
    return {
        # A step waits for the scheduler to look: a tenth of a second instead of one, five times per night.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        # Each worker idles at 130 to 200 MB; the default of 32 would fill a small machine.
        "AIRFLOW__CORE__PARALLELISM": "4",
        # A killed task is noticed after this many seconds; the default of 300 is all the time a run has to recover.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        # A scheduler that was killed leaves tasks that only the next one's look for orphans finds: the first look comes
        # before the old one counts as dead, and the default of 300 s until the second is all the time there is.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # The end of a task that was skipped or failed is noticed at its next heartbeat: within one second, not five.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A task outlives a restart of the API server, which takes half a minute on a busy machine.
        "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "45",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
        # The same for a task's calls of the API: nine tries last more than a minute, the default of five 15 s.
        "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "9",
        # A new model's folder appears within half a minute, not within five.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        # The full name needs DNS, which a machine on its own may not have.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        # The logs are files.
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "false",
        # Keeps /proc/PID/environ as it was, by which `down` knows which processes are ours.
        "SPT_NOENV": "1",
        "OMP_NUM_THREADS": "1",
    }


def services(airflow: Orchestration) -> tuple[Service, ...]:
    """The API server, the DAG processor, the scheduler and the triggerer."""
    # Two read object storage, the whole bucket nightshift and no other: the API server shows results and pages, and the
    # scheduler's tasks ask a person about a verdict. The others have no such right.
    server = _service(airflow, "airflow", ("api-server",), airflow.viewer)
    return (
        server,
        _service(airflow, "dag-processor", ("dag-processor",)),
        # Its log server would listen on every address, and the API server reads the same files.
        _service(airflow, "scheduler", ("scheduler", "--skip-serve-logs"), airflow.viewer),
        _service(airflow, "triggerer", ("triggerer", "--skip-serve-logs")),
    )


def _service(airflow: Orchestration, name: str, words: tuple[str, ...], more: dict[str, str] | None = None) -> Service:
    return Service(
        name=name,
        command=(str(BIN / "airflow"), *words),
        directory=airflow.home,
        environment={**environment(airflow), **(more or {})},
        ready=lambda since: is_healthy(airflow, name, since),
        patience=300,  # 20 s on a free machine; a busy one is waited for
        grace=5,
        prepare=lambda: prepare(airflow),
        watch=(_report(airflow), COMPONENTS[name]) if name in COMPONENTS else None,
    )


def prepare(airflow: Orchestration) -> None:
    """Writes what every service of Airflow starts with."""
    airflow.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(airflow.home / "passwords.json", json.dumps(airflow.passwords) + "\n")
    _put_damaged_aside(airflow.home / "airflow.cfg")


def _put_damaged_aside(generated: Path) -> None:
    """Airflow writes this file once, in place, and none of its services starts while it is damaged."""
    parser = RawConfigParser(strict=False)
    try:
        parser.read(generated)
    except (ConfigParserError, UnicodeDecodeError):
        parser.clear()
    if generated.exists() and not parser.sections():
        set_aside(generated)


def migration(airflow: Orchestration) -> tuple[str, ...]:
    """The command that makes or updates the database, before any service starts."""
    airflow.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (str(BIN / "airflow"), "db", "migrate")


def _report(airflow: Orchestration) -> str:
    """The address of Airflow's report on its components' signs of life."""
    return f"http://127.0.0.1:{airflow.port}/api/v2/monitor/health"


def is_healthy(airflow: Orchestration, name: str, since: float = 0) -> bool:
    """Whether a service serves; `since` (seconds since the epoch) asks for a sign of life that is younger."""
    report = fetch(_report(airflow))
    if report is None:
        return False
    if name not in COMPONENTS:
        # The first call of a task costs seconds of CPU, because the task API is built only then: build it now.
        return fetch(f"http://127.0.0.1:{airflow.port}/execution/health", timeout=60) is not None
    component = COMPONENTS[name]
    try:
        found = json.loads(report)[component]
        beat = found[f"latest_{component}_heartbeat"]
        return found["status"] == "healthy" and datetime.fromisoformat(beat).timestamp() >= since
    except (ValueError, KeyError, TypeError):  # no beat yet, or another program's reply
        return False
