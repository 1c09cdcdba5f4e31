"""`make status`: one line per service, from the supervisor and from the service itself."""

import time

from rich.table import Table

from local_platform.one_machine.disk_space import describe_shortage
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import State, Supervisor
from local_platform.services.service import Service

NOTHING_RUNS = "  nothing runs: `make up` starts it"


def list_addresses(platform: Platform) -> dict[str, str]:
    """Returns the URL of each service that people or programs use."""
    return {
        "s3": platform.storage_url,
        "mlflow": platform.airflow.mlflow_url,
        "airflow": platform.airflow.url,
        **({"cluster": platform.cluster.url} if platform.cluster else {}),
    }


def show_status(platform: Platform, progress: Progress) -> bool:
    """Prints the table. Returns whether every service runs and is ready."""
    supervisor, shortage = Supervisor(platform.home), describe_shortage(platform.home.path)
    if shortage:
        progress.print_line(f"  [red]{shortage}[/]")
    if not supervisor.is_running():
        progress.print_line(NOTHING_RUNS)
        return False
    states, where = supervisor.read_states(), list_addresses(platform)
    table = Table(box=None, pad_edge=True)
    for title in ("service", "state", "since", "process", "address"):
        table.add_column(title, justify="right" if title == "process" else "left")
    all_serve = not shortage.startswith("disk full")
    for service in platform.services:
        state = states.get(service.name) or State(service.name, "UNKNOWN", 0, 0.0, "")
        serves = state.runs and _is_serving(service, state.since)
        all_serve = all_serve and serves
        table.add_row(
            service.name,
            _describe_state(state, serves),
            _describe_age(state),
            str(state.process or "–"),
            where.get(service.name, ""),
        )
    progress.console.print(table)
    return all_serve


def _is_serving(service: Service, since: float) -> bool:
    return service.serves() if service.serves else service.ready(since)


def _describe_state(state: State, serves: bool) -> str:
    if serves:
        return "[green]serves[/]"
    return "[yellow]starts[/]" if state.runs else f"[red]{state.state.lower()}[/]"


def _describe_age(state: State) -> str:
    if not state.process:
        return "–"
    seconds = int(time.time() - state.since)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"
