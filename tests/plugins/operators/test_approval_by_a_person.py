"""A promotion that a person must agree to, by Airflow's own scheduler and API, with pods: every way it can end."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from local_platform.demo.airflow_api import Busy
from local_platform.services.s3_service import S3Server
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion, number_entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.promotion.approval import digest_record
from nightshift.settings import StorageSettings
from support.embedded import run_embedded_cluster
from support.pod_client import wait_until
from support.real_platform import TaskRun
from support.scheduled_airflow import Scheduled, run_airflow
from support.verdicts import build_evaluate_result, build_verdict

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DAGS = Path(__file__).parent / "scheduled"
AGAIN = "fedcba9876543210fedc"
DONE, SKIPPED = "success", "skipped"
TIMEOUT = 240
"""Seconds for what Airflow does, on a busy machine."""


@pytest.fixture(scope="module")
def store(s3: dict[str, str]) -> Iterator[ObjectStore]:
    """The records of a model, as steps left them; gone afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.items():
            patch.setenv(name, value)
        actual = ObjectStore(StorageSettings())
    yield actual
    for prefix in ("runs/flights/", "ledger/flights/"):
        actual.delete([stored.uri for stored in actual.list_objects(actual.build_uri(prefix))])


@pytest.fixture(scope="module")
def airflow(
    store: ObjectStore, s3_storage: S3Server, s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scheduled]:
    """The Airflow. Its champion was trained for February 4; the verdicts of the nights are there."""
    fill(store)
    viewer = next(identity for identity in s3_storage.identities if identity.name == "viewer")
    looks = {name: value for name, value in s3.items() if name.startswith("NIGHTSHIFT_")}
    with run_embedded_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        home = tmp_path_factory.mktemp("scheduled") / "airflow"
        with run_airflow(home, DAGS, cluster.kubeconfig, looks | viewer.build_environment()) as created:
            yield created


def fill(store: ObjectStore) -> None:
    first = Entry(
        kind="promotion",
        model="flights",
        version=7,
        night="2013-02-04",
        champion=LedgerVersion(version=7, night="2013-02-04"),
        previous=None,
        reason="the first",
        cause=Cause(by="a test"),
        when="2013-02-05T06:00:00+00:00",
    )
    assert Ledger(store, "flights").append(number_entry(first, None, ""))
    for day in range(3, 20):
        step_results.save(store, build_evaluate_result(f"2013-02-{day:02}"))
    step_results.save(store, build_evaluate_result("2013-02-06", verdict=build_verdict(promote=False)))


def start(airflow: Scheduled, night: str, dag: str = "asked", name: str = "by-hand") -> TaskRun:
    return airflow.start(dag, f"{name}-{night}", {"night": night})


def states(run: TaskRun) -> tuple[str, str, str, str]:
    """How evaluate, approve, promote and score ended."""
    run.end(TIMEOUT)
    actual = run.read_task_states()
    return actual["evaluate"], actual["approve"], actual["promote"], actual["score"]


def said(airflow: Scheduled, run: TaskRun) -> list[str]:
    """What `promote` was told besides the night."""
    return airflow.read_arguments(run, "promote")[2:]


def test_approved_it_is_promoted_in_the_name_of_who_agreed(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-08")
    request = airflow.wait_for_request(run)
    assert request["subject"] == "flights 2013-02-08: may version 8 replace champion 7?"
    for read in ("0.5210", "0.5287", "0.0077", "/nightshift/versions/flights/8"):
        assert read in request["body"]
    assert slots(airflow) == (0, 0, 0)
    assert airflow.send_answer(run, "Approve", "looks right to me") == 200
    assert states(run) == (DONE, DONE, DONE, DONE)
    decision, by, because, at, about = said(airflow, run)
    assert (decision, by) == ("--decision=approved", "--decided-by=admin")
    assert about == f"--about={digest_record(build_evaluate_result('2013-02-08').detail)}"
    assert because == "--decided-because=looks right to me"
    assert at.startswith("--decided-at=20")
    assert "approved by admin because: looks right to me" in run.wait_for_log("approve")
    assert airflow.admin._get(f"{run.path}/taskInstances/promote/links")["extra_links"] == {
        "Result": "/nightshift/runs/flights/2013-02-08/promote",
        "Data Docs": "/nightshift/docs/flights/2013-02-08",
        "MLflow run": "/nightshift/mlflow/flights/2013-02-08",
        "History": "/nightshift/history/flights",
    }
    assert f"promote 2013-02-08 --decision=approved --decided-by=admin {because} {at}" in run.wait_for_log("promote")


def slots(airflow: Scheduled) -> tuple[int, int, int]:
    """How many slots of the pool are occupied, by running tasks and by queued ones."""
    pool: dict[str, Any] = airflow.admin._get("/api/v2/pools/default_pool")
    return pool["occupied_slots"], pool["running_slots"], pool["queued_slots"]


def test_rejected_it_is_refused_in_the_name_of_who_said_no_and_the_night_is_scored(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-09")
    airflow.wait_for_request(run)
    assert airflow.send_answer(run, "Reject") == 200
    assert states(run) == (DONE, DONE, SKIPPED, DONE)
    assert said(airflow, run)[:2] == ["--decision=rejected", "--decided-by=admin"]
    assert "the champion stands (exit 99: a decision left nothing to do)" in run.wait_for_log("promote")
    assert airflow.send_answer(run, "Approve") == 409  # it was answered


def test_who_may_only_read_may_not_answer(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-10")
    airflow.wait_for_request(run)
    assert airflow.send_answer(run, "Approve", user=airflow.analyst) == 403
    assert run.read_task_states()["approve"] == "awaiting_input"
    airflow.send_answer(run, "Reject")
    run.end(TIMEOUT)


def test_no_answer_in_time_is_a_refusal_by_nobody(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-11", "in_a_hurry")
    assert states(run) == (DONE, DONE, SKIPPED, DONE)
    assert [word.split("=")[0] for word in said(airflow, run)] == ["--decision", "--decided-at", "--about"]
    assert said(airflow, run)[0] == "--decision=unanswered"


def test_what_the_gate_refused_nobody_is_asked_about(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-06")
    assert states(run) == (DONE, SKIPPED, SKIPPED, DONE)
    assert said(airflow, run) == []
    assert "the gate refused, so there is nothing to approve: log loss 0.5400" in run.wait_for_log("approve")


def test_what_a_newer_champion_supersedes_nobody_is_asked_about(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-03")
    assert states(run) == (DONE, SKIPPED, SKIPPED, DONE)
    assert "superseded, so there is nothing to approve: champion 7 was trained for the later" in run.wait_for_log(
        "approve"
    )


def test_without_a_verdict_nothing_is_promoted(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-07")
    assert states(run) == ("failed", "upstream_failed", "upstream_failed", "upstream_failed")


def test_a_verdict_that_is_not_there_fails_the_question_and_nothing_is_promoted(airflow: Scheduled) -> None:
    run = start(airflow, "2013-01-15")
    assert states(run) == (DONE, "failed", "upstream_failed", "upstream_failed")
    assert "evaluate of flights has left no verdict for 2013-01-15: clear evaluate" in run.wait_for_log("approve")


def test_a_verdict_that_is_made_again_is_asked_about_again_with_its_own_numbers(
    airflow: Scheduled, store: ObjectStore
) -> None:
    run = start(airflow, "2013-02-12")
    airflow.wait_for_request(run)
    airflow.send_answer(run, "Reject")
    assert states(run) == (DONE, DONE, SKIPPED, DONE)
    other = build_evaluate_result(
        "2013-02-12", champion_version=9, verdict=build_verdict(challenger=0.4321), idempotency_key=AGAIN
    )
    step_results.save(store, other)
    airflow.clear_from(run, "evaluate")
    wait_until("another question", lambda: airflow.wait_for_request(run)["responded_at"] is None, TIMEOUT)
    request = airflow.wait_for_request(run)
    assert request["subject"].endswith("replace champion 9?")
    assert "0.4321" in request["body"]
    assert "0.5210" not in request["body"].split("passed")[0]
    airflow.send_answer(run, "Approve")
    assert states(run) == (DONE, DONE, DONE, DONE)
    assert said(airflow, run)[-1] == f"--about={digest_record(other.detail)}"


def test_a_question_that_is_cleared_before_anyone_answered_is_asked_with_the_new_numbers(
    airflow: Scheduled, store: ObjectStore
) -> None:
    run = start(airflow, "2013-02-13")
    airflow.wait_for_request(run)
    other = build_evaluate_result("2013-02-13", verdict=build_verdict(challenger=0.4321), idempotency_key=AGAIN)
    step_results.save(store, other)
    airflow.clear_from(run, "approve")
    wait_until("another question", lambda: "0.4321" in airflow.wait_for_request(run)["body"], TIMEOUT)
    airflow.send_answer(run, "Approve")
    assert states(run) == (DONE, DONE, DONE, DONE)
    assert said(airflow, run)[-1] == f"--about={digest_record(other.detail)}"


def test_a_model_that_asks_nobody_has_no_such_task(airflow: Scheduled) -> None:
    run = start(airflow, "2013-02-14", "not_asked")
    assert run.end(TIMEOUT) == DONE
    assert run.read_task_states() == {"evaluate": DONE, "promote": SKIPPED, "score": DONE}


def test_a_backfill_is_named_with_its_number_and_who_asked_for_it(airflow: Scheduled) -> None:
    first, last = date(2013, 2, 20), date(2013, 2, 21)
    airflow.wait_until_known("caused")
    wait_until("Airflow to take the backfill", lambda: asked_for(airflow, "caused", first, last), TIMEOUT)
    wait_until("the backfill", lambda: not airflow.admin.is_backfilling("caused"), TIMEOUT)
    (number,) = [
        backfill["id"] for backfill in airflow.admin._get("/api/v2/backfills?dag_id=caused&limit=10")["backfills"]
    ]
    runs = airflow.admin.read_runs("caused", first, last, "UTC")
    assert set(runs) == {first, last}
    for value in runs.values():
        log = TaskRun(airflow.admin, airflow.orchestration.home / "logs", "caused", value.id).wait_for_log("train")
        for line in ("KIND=backfill", f"BACKFILL={number}", "USER=admin", f"CAUSED_BY=caused:{value.id}"):
            assert f"NIGHTSHIFT_RUN_{line}" in log
        assert "NIGHTSHIFT_RUN_IMAGE=nightshift-steps:local" in log


def asked_for(airflow: Scheduled, dag: str, first: date, last: date) -> bool:
    """Asks for a backfill; whether Airflow has it. A busy one may have to be asked again: SQLite has one writer."""
    with suppress(Busy):
        airflow.admin.create_backfill(dag, first, last, "UTC")
        return True
    return airflow.admin.is_backfilling(dag)


def test_set_champion_is_handed_its_version_and_its_reason_letter_by_letter(airflow: Scheduled) -> None:
    reason = "--late {{ ds }} on Mondays; 'quoted'"
    run = airflow.start("chosen", "back", {"version": "7", "reason": reason})
    assert run.end(TIMEOUT) == DONE
    assert airflow.read_arguments(run, "set_champion")[1:3] == ["7", f"--reason={reason}"]
    assert airflow.read_arguments(run, "set_champion")[3].startswith("--asked-at=20")
    assert f"champion is 7 --reason={reason}" in run.wait_for_log("set_champion")


def test_set_champion_without_a_reason_never_makes_a_pod(airflow: Scheduled) -> None:
    run = airflow.start("chosen", "hasty", {"reason": "one\ntwo"})
    assert run.end(TIMEOUT) == "failed"
    assert "the reason must be one line of text without control characters" in run.wait_for_log("set_champion")
    assert "Building pod" not in run.wait_for_log("set_champion")
