"""Makes the DAGs of one model, without their tasks."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from typing import Any

from airflow.sdk import DAG, Param

from nightshift import catalog
from nightshift.definition import Model
from nightshift.reasons import LONGEST_REASON, SHORTEST_REASON
from nightshift_airflow.runs.night_of_run import PARAM
from nightshift_airflow.runs.night_timetable import NightTimetable

DELIVERY_CRON = "45 23 * * *"
START_DATE = datetime(2013, 1, 1, tzinfo=UTC)
ACTIVE_RUNS = 2
"""Runs at once: a run by hand never delays the nightly one; a backfill has a limit of its own."""
PERIODS = {1: "nightly", 7: "weekly"}
NIGHT_PARAM = Param(
    None,
    type=["null", "string"],
    format="date",
    maxLength=10,
    title="Night",
    description="The day whose data is processed. Empty: the last day of the run's data interval.",
)
VERSION_PARAM = Param(
    "previous",
    type="string",
    pattern="^(previous|none|[1-9][0-9]{0,8})$",
    title="Version",
    description="Which version becomes champion: previous, for the champion before, a version's number, or none.",
)
UNVERIFIED_PARAM = Param(
    False,
    type="boolean",
    title="Unverified",
    description="Also a version that never was champion, which passed no gate. The ledger marks it so.",
)
REASON_PARAM = Param(
    type="string",
    minLength=SHORTEST_REASON,
    maxLength=LONGEST_REASON,
    title="Reason",
    description="Why, in one line. It is recorded in the ledger beside your name.",
)

log = logging.getLogger(__name__)


def load_models() -> Iterator[Model]:
    """Yields every model whose definition loads: a broken one must not stop the nights of the others.

    `dags/definitions.py` shows a broken one in the UI.
    """
    for name in catalog.list_names():
        try:
            yield catalog.load_model(name)
        except Exception as error:  # a definition is the model's own code: it can fail in any way
            log.error("model %s has no DAG, because its definition does not load: %s", name, error)


def make_nightly_dag(model: Model, page: str) -> DAG:
    """Returns the DAG `<model>_nightly` without tasks. `page` is Markdown for its page, below the model's own docs.

    The timetable gives every run an interval from one firing of the cron line to the next, which a plain cron string
    does not; a backfill iterates over these intervals too. The DAG's name is the same whatever the period, because
    other parts find a model's DAG by it. Only its title says how often it runs.
    """
    period = PERIODS.get(model.schedule.days, f"every {model.schedule.days} days")
    page = f"{model.docs.strip()}\n\n{page.strip()}"
    return _make_dag(
        model,
        "nightly",
        page,
        title=period,
        params={PARAM: NIGHT_PARAM},
        **_make_schedule(model, model.schedule.cron, model.schedule.days - 1),
    )


def make_replay_dag(model: Model, page: str) -> DAG:
    """Returns the DAG `<model>_replay` without tasks, shortly before midnight. `page` is Markdown for its page."""
    return _make_dag(
        model, "replay", page.strip(), params={PARAM: NIGHT_PARAM}, **_make_schedule(model, DELIVERY_CRON, 1)
    )


def make_set_champion_dag(model: Model, page: str) -> DAG:
    """Returns the DAG `<model>_set_champion` without tasks, which only people start. `page`: Markdown for its page."""
    params = {"version": VERSION_PARAM, "reason": REASON_PARAM, "unverified": UNVERIFIED_PARAM}
    schedule = _make_manual_schedule()
    return _make_dag(model, "set_champion", page.strip(), title="set champion", params=params, **schedule)


def make_rescore_dag(model: Model, page: str) -> DAG:
    """Returns the DAG `<model>_rescore` without tasks, which only people start. `page` is Markdown for its page."""
    params = {name: _make_day_param(name) for name in ("first", "last")}
    return _make_dag(model, "rescore", page.strip(), params=params, **_make_manual_schedule())


def _make_day_param(name: str) -> Param:
    text = f"The {name} night to score again: the day whose data the champion predicted the next day from."
    return Param(type="string", format="date", maxLength=10, title=f"{name.capitalize()} night", description=text)


def _make_schedule(model: Model, cron: str, ahead: int) -> dict[str, Any]:
    # A run that waits for approval must not delay the next ones: there is room for as many as can wait at once.
    waiting = ceil(model.approval_timeout / model.schedule.period) if model.approval == "human" else 0
    return {
        "schedule": NightTimetable(cron, model.schedule.timezone, ahead),
        "start_date": START_DATE,
        "catchup": False,  # after a pause only the last night is run; older nights need a backfill
        "max_active_runs": ACTIVE_RUNS + waiting,
    }


def _make_manual_schedule() -> dict[str, Any]:
    # Not paused: a person who needs another champion has no time to find out why it does not start.
    return {"schedule": None, "max_active_runs": 1, "is_paused_upon_creation": False}


def _make_dag(model: Model, kind: str, page: str, title: str = "", **more: Any) -> DAG:
    return DAG(
        dag_id=f"{model.name}_{kind}",
        dag_display_name=f"{model.title}: {title or kind}",
        description=page.splitlines()[0].strip("*# "),
        doc_md=f"# {model.title}\n\n{page}\n",
        tags={"nightshift", kind, model.task, *model.tags},
        default_args={"owner": model.owner},
        **more,
    )
