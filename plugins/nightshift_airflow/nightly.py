"""The DAGs of one model: everything but their tasks."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

import models
from nightshift.definition import Model
from nightshift_airflow.night import PARAM

DELIVERY = "45 23 * * *"
FIRST = datetime(2013, 1, 1, tzinfo=UTC)
NIGHT = Param(
    None,
    type=["null", "string"],
    format="date",
    maxLength=10,
    title="Night",
    description="The day whose data is processed. Empty: the day that the run's data interval names.",
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

    The timetable gives every run an interval of one day, which a plain cron string does not; that interval is also
    what a backfill iterates over.
    """
    return _dag(model, "nightly", model.schedule.cron, f"{model.docs.strip()}\n\n{page.strip()}")


def replay(model: Model, page: str) -> DAG:
    """The DAG `<model>_replay` without tasks, shortly before midnight. `page` is Markdown for its page."""
    return _dag(model, "replay", DELIVERY, page.strip())


def _dag(model: Model, what: str, cron: str, page: str) -> DAG:
    return DAG(
        dag_id=f"{model.name}_{what}",
        dag_display_name=f"{model.title}: {what}",
        description=page.splitlines()[0].strip("*# "),
        doc_md=f"# {model.title}\n\n{page}\n",
        schedule=CronDataIntervalTimetable(cron, timezone=model.schedule.timezone),
        start_date=FIRST,
        catchup=False,  # a machine that was off does last night; older nights are a backfill that somebody asks for
        max_active_runs=2,  # a run by hand never holds up the nightly one; a backfill has a limit of its own
        params={PARAM: NIGHT},
        tags={"nightshift", what, model.task, *model.tags},
        default_args={"owner": model.owner},
    )
