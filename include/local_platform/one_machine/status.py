"""What runs: one line per service, asked of the supervisor and of the service itself."""

import time

from rich.table import Table

from local_platform.one_machine.disk_space import describe_shortage
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import State, Supervisor
from local_platform.services.service import Service

NOTHING = "  nothing runs: `make up` starts it"


def addresses(platform: Platform) -> dict[str, str]:
    """Where each service that people or programs use can be reached."""
    return {
        "s3": platform.storage_url,
        "mlflow": platform.airflow.mlflow_url,
        "airflow": platform.airflow.url,
        **({"cluster": platform.cluster.url} if platform.cluster else {}),
    }


def status(platform: Platform, progress: Progress) -> bool:
    """Prints what runs. Returns whether everything does, and answers."""
    supervisor, shortage = Supervisor(platform.home), describe_shortage(platform.home.path)
    if shortage:
        progress.say(f"  [red]{shortage}[/]")
    if not supervisor.is_running():
        progress.say(NOTHING)
        return False
    states, where = supervisor.states(), addresses(platform)
    table = Table(box=None, pad_edge=True)
    for title in ("service", "state", "since", "process", "address"):
        table.add_column(title, justify="right" if title == "process" else "left")
    well = not shortage.startswith("disk full")
    for service in platform.services:
        state = states.get(service.name) or State(service.name, "UNKNOWN", 0, 0.0, "")
        serves = state.runs and _answers(service, state.since)
        well = well and serves
        table.add_row(
            service.name, _word(state, serves), _since(state), str(state.process or "–"), where.get(service.name, "")
        )
    progress.console.print(table)
    return well


def _answers(service: Service, since: float) -> bool:
    return service.serves() if service.serves else service.ready(since)


def _word(state: State, serves: bool) -> str:
    if serves:
        return "[green]serves[/]"
    return "[yellow]starts[/]" if state.runs else f"[red]{state.state.lower()}[/]"


def _since(state: State) -> str:
    if not state.process:
        return "–"
    seconds = int(time.time() - state.since)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"


def service_names(home: Home) -> list[str]:
    """The services that have a log."""
    return sorted(path.stem for path in home.logs.glob("*.log"))
