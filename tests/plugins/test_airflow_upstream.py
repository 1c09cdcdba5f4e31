"""What leans on Airflow beyond its public interface: each piece does its work, and Airflow still needs it.

A test that fails after an upgrade names what to do: the piece is needless, or what it leans on has changed.
"""

import asyncio
import inspect
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psutil
import pytest
from airflow.api_fastapi.execution_api.routes.hitl import upsert_hitl_detail
from airflow.models import backfill
from airflow.models.dag import DagTag
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.hitl_history import HITLDetailHistory
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.sdk.api.datamodels import _generated as task_models
from airflow.sdk.exceptions import TaskAwaitingInput
from airflow.sdk.execution_time import hitl, task_runner
from airflow.sdk.execution_time.comms import CreateHITLDetailPayload
from airflow.sdk.execution_time.supervisor import ActivitySubprocess
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import instance
from sqlalchemy import Engine, create_engine, event, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from nightshift_airflow import airflow_upstream
from nightshift_airflow.runs.night_timetable import NightTimetable
from support import airflow_environment  # noqa: F401  # before anything imports airflow

airflow_upstream.install_waiting_savepoints()
airflow_upstream.install_commits_without_waits()
airflow_upstream.install_request_deletion()
airflow_upstream.install_log_without_guess()


def test_every_piece_was_checked_with_the_installed_airflow() -> None:
    """After an upgrade: read each piece and its upstream issue, run these tests, then change `VERSION`."""
    assert version("apache-airflow") == airflow_upstream.VERSION


# --- SQLite refuses a backfill as "database is locked"

COUNT = text("SELECT count(*) FROM run")
INSERT = text("INSERT INTO run (id) VALUES (:id)")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """A database with one table, in the mode in which Airflow opens it."""
    engine = create_engine(f"sqlite:///{tmp_path / 'airflow.db'}?timeout=0")
    with engine.begin() as connection:
        connection.execute(text("PRAGMA journal_mode=WAL"))
        connection.execute(text("CREATE TABLE run (id INTEGER)"))
    yield engine
    engine.dispose()


def test_no_other_process_writes_between_the_read_and_the_write_of_a_savepoint(database: Engine) -> None:
    with Session(database) as backfill_session, Session(database) as scheduler:
        with backfill_session.begin_nested():
            assert backfill_session.scalar(COUNT) == 0
            with pytest.raises(OperationalError, match="locked"):  # with a timeout above 0 it would wait here
                scheduler.execute(INSERT, {"id": 1})
            backfill_session.execute(INSERT, {"id": 2})
        backfill_session.commit()
    with Session(database) as after:
        assert after.scalar(COUNT) == 1


def test_all_savepoints_of_a_transaction_end_with_it(database: Engine) -> None:
    with Session(database) as session:
        for number in (1, 2):
            with session.begin_nested():
                session.execute(INSERT, {"id": number})
        session.rollback()
    with Session(database) as after:
        assert after.scalar(COUNT) == 0


def test_without_the_listener_the_write_of_a_savepoint_is_still_refused(database: Engine) -> None:
    """If this fails, `install_waiting_savepoints` is needless."""
    event.remove(Engine, "savepoint", airflow_upstream.begin_savepoint_as_write)
    try:
        with Session(database) as session, Session(database) as scheduler, session.begin_nested():
            assert session.scalar(COUNT) == 0
            scheduler.execute(INSERT, {"id": 1})
            scheduler.commit()
            with pytest.raises(OperationalError, match="locked"):
                session.execute(INSERT, {"id": 2})
    finally:
        airflow_upstream.install_waiting_savepoints()


def test_airflow_still_makes_the_runs_of_a_backfill_in_savepoints() -> None:
    """If this fails, look whether a backfill on SQLite still needs `install_waiting_savepoints`."""
    assert "begin_nested" in inspect.getsource(backfill)


# --- SQLite waits for the disk at each commit

NORMAL = 1
SYNCHRONOUS = text("PRAGMA synchronous")


def test_a_commit_does_not_wait_for_the_disk(database: Engine) -> None:
    with database.connect() as connection:
        assert connection.scalar(SYNCHRONOUS) == NORMAL


def test_a_commit_of_an_asynchronous_connection_does_not_wait_either(tmp_path: Path) -> None:
    async def read_mode() -> object:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'airflow.db'}")
        async with engine.connect() as connection:
            mode = await connection.scalar(SYNCHRONOUS)
        await engine.dispose()
        return mode

    assert asyncio.run(read_mode()) == NORMAL


# --- An approval request outlives its try

OURS = {"dag_id": "flights_nightly", "operator": airflow_upstream.APPROVE_OPERATOR}


@pytest.fixture(scope="module")
def requests() -> Iterator[Engine]:
    """Airflow's own tables of approval requests, in memory. `flights_nightly` is one of our DAGs."""
    engine = create_engine("sqlite://")
    kinds = (HITLDetail, HITLDetailHistory, TaskInstance, TaskInstanceHistory, DagRun, DagTag)
    tables: Any = [kind.__table__ for kind in kinds]
    HITLDetail.metadata.create_all(engine, tables=tables)
    with engine.begin() as connection:
        connection.execute(DagTag.__table__.insert().values(name=airflow_upstream.TAG, dag_id="flights_nightly"))
        connection.execute(DagTag.__table__.insert().values(name="foreign", dag_id="theirs"))
    yield engine
    engine.dispose()


def remains_after_archiving(requests: Engine, dag_id: str, operator: str) -> bool:
    """Makes a request and archives it as Airflow does when a try ends; returns whether it is still there."""
    task_instance_id = uuid4()
    with Session(requests) as session:
        session.execute(TaskInstanceHistory.__table__.insert().values(_try(task_instance_id, dag_id, operator)))
        request = HITLDetail(ti_id=task_instance_id, options=["Approve"], subject="?", params={})
        session.add(request)
        session.flush()
        session.add(HITLDetailHistory(request))
        session.commit()
        return session.scalar(select(HITLDetail.ti_id).where(HITLDetail.ti_id == task_instance_id)) is not None


def _try(task_instance_id: UUID, dag_id: str, operator: str) -> dict[str, Any]:
    names = {"dag_id": dag_id, "task_id": "approve", "run_id": str(task_instance_id), "operator": operator}
    return {"task_instance_id": task_instance_id, **names, "try_number": 1, "pool": "p", "pool_slots": 1}


def test_a_request_of_ours_ends_with_its_try(requests: Engine) -> None:
    assert not remains_after_archiving(requests, **OURS)


@pytest.mark.parametrize(
    "theirs", [{"dag_id": "theirs"}, {"dag_id": "unknown"}, {"operator": "HITLOperator"}, {"operator": None}]
)
def test_a_request_of_another_dag_or_task_stays(requests: Engine, theirs: dict[str, Any]) -> None:
    assert remains_after_archiving(requests, **{**OURS, **theirs})


def test_airflow_still_keeps_the_text_of_an_earlier_try(requests: Engine) -> None:
    """If this fails, `delete_archived_request` and `send_approval_request` are needless."""
    shared: dict[str, Any] = {"ti_id": uuid4(), "options": ["Approve"], "multiple": False, "params": {}}
    with Session(requests) as session:
        session.add(HITLDetail(**shared, subject="the old numbers"))
        session.flush()
        payload: Any = SimpleNamespace(**shared, subject="the new numbers", body=None, defaults=None, assigned_users=[])
        shown = upsert_hitl_detail(shared["ti_id"], payload, session)
    assert shown.subject == "the old numbers"


class Supervisor:
    """Airflow's connection to the supervisor, which keeps what is sent and shows another request."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, msg: Any) -> Any:
        self.messages.append(msg)
        return SimpleNamespace(subject="shown", body="shown as well")


def test_the_request_is_sent_as_airflow_sends_it_and_the_reply_says_what_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervisor, task_instance_id = Supervisor(), uuid4()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    fields: dict[str, Any] = {
        "options": ["Approve", "Reject"],
        "subject": "flights",
        "body": "numbers",
        "defaults": ["Reject"],
        "multiple": False,
    }
    operator = SimpleNamespace(**fields, serialized_params={"reason": {"value": ""}})
    shown = airflow_upstream.send_approval_request(operator, task_instance_id)
    hitl.upsert_hitl_detail(ti_id=task_instance_id, **fields, params=operator.serialized_params, assigned_users=None)
    ours, airflows = supervisor.messages
    assert shown == ("shown", "shown as well")
    assert isinstance(ours, CreateHITLDetailPayload)
    assert ours == airflows


def test_a_parked_task_still_takes_arguments_for_its_end() -> None:
    """`ApproveOperator.execute` hands the digest of the verdict to `execute_complete` this way."""
    waiting = TaskAwaitingInput(method_name="execute_complete")
    waiting.kwargs = {"about": "digest"}
    stored: Any = waiting.serialize()  # type: ignore[no-untyped-call]
    assert stored[2]["kwargs"] == {"about": "digest"}


# --- A task is not told which backfill its run belongs to


def test_a_task_is_still_not_told_the_number_of_its_backfill() -> None:
    """If the second line fails, `add_backfill_number` is needless: a task can read the number of the run."""
    assert "backfill_id" in DagRun.__table__.columns
    assert "backfill_id" not in task_models.DagRun.model_fields


# --- Every SIGKILL is called "Likely out of memory"


class Lines:
    """A log that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def log(self, _level: int, message: str, **_fields: Any) -> None:
        self.messages.append(message)

    def warning(self, message: str, **_fields: Any) -> None:
        self.messages.append(message)


def read_last_line(code: str, check: Any = ActivitySubprocess._check_subprocess_exit) -> str:
    """Returns what Airflow writes about a process that runs `code` to its end."""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        watched_process = psutil.Process(process.pid)
        watched: Any = object.__new__(ActivitySubprocess)
        watched.process_log, watched._process, watched._exit_code = Lines(), watched_process, None
        watched_process.wait(timeout=60)
        check(watched)
    assert isinstance(watched.process_log, Lines)
    return str(watched.process_log.messages[-1])


KILL = f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"
TERMINATE = f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})"


def test_a_killed_process_is_not_called_out_of_memory() -> None:
    line = read_last_line(KILL)
    assert line == airflow_upstream.KILLED_SENTENCE
    assert "memory" not in line


@pytest.mark.parametrize(("code", "begins"), [(TERMINATE, "Process terminated by signal."), ("exit(3)", "Pro")])
def test_every_other_end_is_described_as_airflow_describes_it(code: str, begins: str) -> None:
    assert read_last_line(code).startswith(begins)


def test_airflow_still_guesses() -> None:
    """If this fails, `install_log_without_guess` is needless, or looks for another sentence."""
    original: Any = ActivitySubprocess._check_subprocess_exit
    assert airflow_upstream.GUESS in read_last_line(KILL, original.__wrapped__)


# --- Clock changes in Airflow's cron timetables


def test_airflow_still_gives_a_run_by_hand_no_interval_when_clocks_change() -> None:
    """If the first line fails, `RepairedCron._get_prev` is needless."""
    run_after = instance(datetime(2024, 3, 10, 7, 30, tzinfo=UTC))
    theirs = CronDataIntervalTimetable("0 2 * * *", "America/New_York").infer_manual_data_interval(run_after=run_after)
    ours = NightTimetable("0 2 * * *", "America/New_York").infer_manual_data_interval(run_after=run_after)
    assert theirs.start == theirs.end
    assert ours.start < ours.end


def test_the_private_members_of_the_timetable_mean_what_they_meant() -> None:
    timetable = NightTimetable("30 2 * * *", "Europe/Berlin")
    fires = instance(datetime(2026, 1, 5, 1, 30, tzinfo=UTC))
    assert timetable.read_zone().key == "Europe/Berlin"
    assert timetable.is_firing(fires)
    assert not timetable.is_firing(fires.add(minutes=1))
