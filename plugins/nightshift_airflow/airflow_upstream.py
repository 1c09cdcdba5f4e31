"""What leans on Airflow beyond its public interface: private members, tables, and faults that are worked around.

Written for Airflow 3.3.2. Each piece names the upstream issue, where there is one. When an upgrade makes a piece
needless or wrong, tests/plugins/test_airflow_upstream.py fails. Airflow is imported only inside the functions, because
`airflow_local_settings.py` imports this module at the start of every Airflow process.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from pendulum import DateTime
from sqlalchemy import Connection, Dialect, Engine, delete, event, select
from sqlalchemy.orm import Mapper

VERSION = "3.3.2"

TAG = "nightshift"
"""The tag of every DAG of ours: what is changed here is changed for these DAGs only."""


# --- SQLite refuses a backfill as "database is locked" -------------------------------------------------------------
# https://github.com/apache/airflow/issues/66726 (answered by an HTTP 503) and #68699 (open)


def begin_savepoint_as_write(connection: Connection, _name: str) -> None:
    """Begins the transaction of a savepoint as one that writes, so that on SQLite it waits for another writer.

    Airflow makes each run of a backfill in a savepoint. On SQLite a savepoint that opens a transaction opens one that
    only reads. If another process writes before the first write of the savepoint, SQLite refuses that write at once,
    whatever the timeout, because what was read is outdated (https://sqlite.org/isolation.html).
    """
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def install_waiting_savepoints() -> None:
    """Makes every savepoint on SQLite wait for the database as long as the database's timeout says."""
    if not event.contains(Engine, "savepoint", begin_savepoint_as_write):
        event.listen(Engine, "savepoint", begin_savepoint_as_write)


# --- SQLite waits for the disk at each commit ----------------------------------------------------------------------
# Airflow sets the write-ahead log (airflow/utils/orm_event_handlers.py) and leaves `synchronous` at FULL; no issue.


def connect_to_sqlite(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Connects to SQLite so that it waits for the disk at checkpoints only; leaves other databases to SQLAlchemy.

    With a write-ahead log the wait at each commit guards against a power cut alone, and without it the last moments
    before one may be lost, never the file (https://sqlite.org/wal.html#performance_considerations).
    """
    if dialect.name != "sqlite":
        return None
    connection = dialect.connect(*arguments, **options)
    cursor = connection.cursor()  # works for an asynchronous driver, too
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
    return connection


def install_commits_without_waits() -> None:
    """Makes no commit on SQLite wait for the disk."""
    if not event.contains(Engine, "do_connect", connect_to_sqlite):
        event.listen(Engine, "do_connect", connect_to_sqlite)


# --- An approval request outlives its try --------------------------------------------------------------------------
# https://github.com/apache/airflow/pull/73235 (open) would write the new text; the old text is kept since #53824.

APPROVE_OPERATOR = "ApproveOperator"
ARCHIVED_REQUEST = "HITLDetailHistory"
REQUEST_TABLE = "hitl_detail"


def delete_archived_request(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    """Deletes an approval request of ours once Airflow has archived it with its try.

    Airflow 3.3 hands the request on to the next try, and shows the old text there without the response: a person would
    approve numbers that are no longer those of the verdict. Requests of other teams' DAGs are left alone.
    """
    if mapper.class_.__name__ != ARCHIVED_REQUEST:
        return
    tables = mapper.local_table.metadata.tables  # type: ignore[attr-defined]  # a table, not any selectable
    requests, tries, tags = (tables[name] for name in (REQUEST_TABLE, "task_instance_history", "dag_tag"))
    our_dags = select(tags.c.dag_id).where(tags.c.name == TAG)
    our_tries = select(tries.c.task_instance_id).where(
        tries.c.operator == APPROVE_OPERATOR, tries.c.dag_id.in_(our_dags)
    )
    is_archived = requests.c.ti_id == target.ti_history_id
    connection.execute(delete(requests).where(is_archived, requests.c.ti_id.in_(our_tries)))


def install_request_deletion() -> None:
    """Makes an approval request end with the try that made it."""
    if not event.contains(Mapper, "after_insert", delete_archived_request):
        event.listen(Mapper, "after_insert", delete_archived_request)


def send_approval_request(operator: Any, task_instance_id: Any) -> tuple[str | None, str | None]:
    """Stores the request of an `ApprovalOperator`; returns the subject and the body that Airflow shows for it.

    They are those of an earlier try if Airflow still has one. `HITLOperator.execute` sends the same message and drops
    the reply, so it is sent here first. No upstream issue is known that would make it return the reply.
    """
    from airflow.sdk.execution_time.comms import CreateHITLDetailPayload
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    reply = SUPERVISOR_COMMS.send(
        msg=CreateHITLDetailPayload(
            ti_id=task_instance_id,
            options=operator.options,
            subject=operator.subject,
            body=operator.body,
            defaults=operator.defaults,
            multiple=operator.multiple,
            params=operator.serialized_params,
            assigned_users=[],
        )
    )
    return getattr(reply, "subject", None), getattr(reply, "body", None)


# --- A task is not told which backfill its run belongs to ----------------------------------------------------------
# No upstream issue is known.


def add_backfill_number(dag_run: Any, key: str) -> None:
    """Adds the number of its backfill to the configuration of a run of ours, under `key`.

    The configuration is the only part of a run that a listener in the scheduler can change and a task can read.
    """
    is_ours = TAG in (getattr(dag_run.dag, "tags", None) or ())
    if is_ours and dag_run.backfill_id is not None:
        dag_run.conf = {**(dag_run.conf or {}), key: dag_run.backfill_id}


# --- Every SIGKILL is called "Likely out of memory" ----------------------------------------------------------------
# https://github.com/apache/airflow/issues/55599, which asked for it, and #55602

GUESS = "Likely out of memory"
KILLED_SENTENCE = (
    "The task's own process was killed (SIGKILL) from outside, and nothing says by what. Its pod may still be at work:"
    " the next try finds it. Lost infrastructure does not use up the tries that are there for real failures."
)


class LogWithoutGuess:
    """A log that replaces Airflow's guess by what is known, and passes on everything else."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def log(self, level: int, message: str, **fields: Any) -> None:
        """Writes the message, or what is known instead of the guess."""
        self._log.log(level, KILLED_SENTENCE if GUESS in message else message, **fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def install_log_without_guess() -> None:
    """Makes Airflow say what is known when the process of a task was killed, so that nobody raises a memory limit.

    For tasks only: the processes that parse DAG files or run triggers are supervised by other classes.
    """
    from airflow.sdk.execution_time.supervisor import ActivitySubprocess

    check = ActivitySubprocess._check_subprocess_exit
    if not hasattr(check, "__wrapped__"):
        ActivitySubprocess._check_subprocess_exit = _replace_guess(check)  # type: ignore[method-assign]


def _replace_guess(check: Callable[..., int | None]) -> Callable[..., int | None]:
    @wraps(check)
    def check_without_guess(subprocess: Any, *args: Any, **options: Any) -> int | None:
        log = subprocess.process_log
        subprocess.process_log = LogWithoutGuess(log)
        try:
            return check(subprocess, *args, **options)
        finally:
            subprocess.process_log = log

    return check_without_guess


# --- Clock changes in Airflow's cron timetables --------------------------------------------------------------------
# https://github.com/apache/airflow/pull/70089 (merged, not in 3.3.2) mends `_get_prev`; the rest is no fault.


class RepairedCron:
    """A mixin for `CronDataIntervalTimetable`: what our timetable needs of the private members of Airflow's."""

    def read_zone(self) -> ZoneInfo:
        """Returns the time zone in which the cron line is read."""
        return ZoneInfo(self._timezone.name)  # type: ignore[attr-defined]  # of Airflow's class

    def is_firing(self, instant: DateTime) -> bool:
        """Returns whether the cron line fires at an instant."""
        return bool(self._align_to_next(instant) == instant)  # type: ignore[attr-defined]  # of Airflow's class

    def _get_prev(self, current: DateTime) -> DateTime:
        """Returns the last instant before `current` at which the cron line fires.

        Airflow 3.3.2 returns `current`, or a later instant, where a clock change skips or repeats the hour. A run by
        hand then has an interval of no length.
        """
        start = current
        previous: DateTime = super()._get_prev(start)  # type: ignore[misc]  # of Airflow's class
        while previous >= current:
            start = start.subtract(hours=1)
            previous = super()._get_prev(start)  # type: ignore[misc]  # of Airflow's class
        return previous
