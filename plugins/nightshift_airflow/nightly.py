"""The DAGs of one model: everything but their tasks."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from typing import Any

from airflow.sdk import DAG, Param

import models
from nightshift.definition import Model
from nightshift_airflow import asked
from nightshift_airflow.night import PARAM
from nightshift_airflow.timetable import NightTimetable

DELIVERY = "45 23 * * *"
FIRST = datetime(2013, 1, 1, tzinfo=UTC)
ACTIVE = 2
"""Runs at once: one by hand never holds up the nightly one; a backfill has a limit of its own."""
PERIODS = {1: "nightly", 7: "weekly"}
NIGHT = Param(
    None,
    type=["null", "string"],
    format="date",
    maxLength=10,
    title="Night",
    description="The day whose data is processed. Empty: the last day of the run's data interval.",
)
VERSION = Param(
    "previous",
    type="string",
    pattern="^(previous|none|[1-9][0-9]{0,8})$",
    title="Version",
    description="Which version becomes champion: previous, for the champion before, a version's number, or none.",
)
UNVERIFIED = Param(
    False,
    type="boolean",
    title="Unverified",
    description="Also a version that never was champion, which passed no gate. The ledger marks it so.",
)
REASON = Param(
    type="string",
    minLength=asked.SHORTEST_REASON,
    maxLength=asked.LONGEST_REASON,
    title="Reason",
    description="Why, in one line. It is recorded in the ledger beside your name.",
)

log = logging.getLogger(__name__)


def loadable() -> Iterator[Model]:
    """Every model whose definition loads: a broken one must not end the nights of the others.

    `dags/definitions.py` is what shows a broken one in the UI.
    """
    for name in models.names():
        try:
            yield models.load(name)
        except Exception as error:  # a definition is code of its own: it can fail in any way
            log.error("model %s has no DAG, because its definition does not load: %s", name, error)


def nightly(model: Model, page: str) -> DAG:
    """The DAG `<model>_nightly` without tasks. `page` is Markdown for its page, below the model's own docs.

    The timetable gives every run an interval from one firing of the cron line to the next, which a plain cron string
    does not; that interval is also what a backfill iterates over. The name is the same whatever the period: other parts
    know a model's DAG by it, and only its title says how often it runs.
    """
    period = PERIODS.get(model.schedule.days, f"every {model.schedule.days} days")
    page = f"{model.docs.strip()}\n\n{page.strip()}"
    return _dag(
        model,
        "nightly",
        page,
        title=period,
        params={PARAM: NIGHT},
        **_every(model, model.schedule.cron, model.schedule.days - 1),
    )


def replay(model: Model, page: str) -> DAG:
    """The DAG `<model>_replay` without tasks, shortly before midnight. `page` is Markdown for its page."""
    return _dag(model, "replay", page.strip(), params={PARAM: NIGHT}, **_every(model, DELIVERY, 1))


def set_champion(model: Model, page: str) -> DAG:
    """The DAG `<model>_set_champion` without tasks, which only people start. `page` is Markdown for its page."""
    params = {"version": VERSION, "reason": REASON, "unverified": UNVERIFIED}
    return _dag(model, "set_champion", page.strip(), title="set champion", params=params, **_by_hand())


def rescore(model: Model, page: str) -> DAG:
    """The DAG `<model>_rescore` without tasks, which only people start. `page` is Markdown for its page."""
    params = {name: _day(name) for name in ("first", "last")}
    return _dag(model, "rescore", page.strip(), params=params, **_by_hand())


def _day(name: str) -> Param:
    said = f"The {name} night to score again: the day whose data the champion predicted the next day from."
    return Param(type="string", format="date", maxLength=10, title=f"{name.capitalize()} night", description=said)


def _every(model: Model, cron: str, ahead: int) -> dict[str, Any]:
    # A run that waits for a person must not hold up the next ones: room for as many as can wait at once.
    waiting = ceil(model.approval_timeout / model.schedule.period) if model.approval == "human" else 0
    return {
        "schedule": NightTimetable(cron, model.schedule.timezone, ahead),
        "start_date": FIRST,
        "catchup": False,  # a machine that was off does last night; older nights are a backfill that somebody asks for
        "max_active_runs": ACTIVE + waiting,
    }


def _by_hand() -> dict[str, Any]:
    # Ready to be used: whoever needs another champion has no time to find out that its DAG is paused.
    return {"schedule": None, "max_active_runs": 1, "is_paused_upon_creation": False}


def _dag(model: Model, what: str, page: str, title: str = "", **more: Any) -> DAG:
    return DAG(
        dag_id=f"{model.name}_{what}",
        dag_display_name=f"{model.title}: {title or what}",
        description=page.splitlines()[0].strip("*# "),
        doc_md=f"# {model.title}\n\n{page}\n",
        tags={"nightshift", what, model.task, *model.tags},
        default_args={"owner": model.owner},
        **more,
    )
