"""When nobody is asked about a verdict in the challenger's favour, as the ledger's end has it."""

from datetime import date
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion, number_entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig
from nightshift.stored_records import to_plain
from nightshift_airflow.operators.approve_operator import ApproveOperator
from nightshift_airflow.runs.night_of_run import Calendar
from support import airflow_environment  # noqa: F401  # before anything imports airflow
from support.verdicts import build_evaluate_result

DAY = date(2013, 2, 9)
CHALLENGER = 8


def make_request_after(store: ObjectStore, last: dict[str, Any] | None = None) -> str:
    """What is asked about the night when `last` is the ledger's end; raises what `approve` does instead."""
    step_results.save(store, build_evaluate_result(DAY.isoformat()))
    if last is not None:
        assert Ledger(store, "flights").append(number_entry(entry(**last), None, ""))
    task = ApproveOperator(task_id="approve", model="flights", title="Late arrivals", calendar=Calendar("UTC", 1))
    return task._make_request(DAY).subject


def task_of() -> ApproveOperator:
    return ApproveOperator(task_id="again", model="flights", title="Late arrivals", calendar=Calendar("UTC", 1))


def entry(**changes: Any) -> Entry:
    """A person made version 7 champion."""
    fields: dict[str, Any] = {
        "kind": "set_champion",
        "model": "flights",
        "version": 7,
        "night": "2013-02-01",
        "champion": LedgerVersion(version=7, night="2013-02-01"),
        "previous": LedgerVersion(version=CHALLENGER, night="2013-02-09"),
        "reason": "late on Mondays",
        "cause": Cause(by="a test"),
        "when": "2013-02-10T06:00:00+00:00",
    }
    return Entry(**{**fields, **changes})


def withdrawn(version: int, run_id: str = "") -> tuple[LedgerVersion, ...]:
    return (LedgerVersion(version=version, night="2013-02-09", run_id=run_id),)


@pytest.mark.parametrize("last", [None, {}, {"withdrawn": withdrawn(6)}])
def test_a_verdict_that_may_change_something_is_asked_about(store: ObjectStore, last: dict[str, Any] | None) -> None:
    assert make_request_after(store, last) == "flights 2013-02-09: may version 8 replace champion 7?"


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ({"withdrawn": withdrawn(CHALLENGER)}, "version 8 was withdrawn, so there is nothing to approve"),
        (
            {"champion": None, "version": None, "night": "", "withdrawn": withdrawn(CHALLENGER)},
            "version 8 was withdrawn, so there is nothing to approve",
        ),
        ({"champion": LedgerVersion(version=CHALLENGER, night="2013-02-09")}, "version 8 is champion already"),
        (
            {"champion": LedgerVersion(version=7, night="2013-02-10")},
            "superseded, so there is nothing to approve: ch",
        ),
    ],
)
def test_nobody_is_asked_about_what_would_change_nothing(
    store: ObjectStore, last: dict[str, Any], message: str
) -> None:
    with pytest.raises(AirflowSkipException, match=message):
        make_request_after(store, last)


def test_a_verdict_that_was_put_in_another_one_s_place_is_asked_about_by_nobody(store: ObjectStore) -> None:
    hostile = to_plain(build_evaluate_result(DAY.isoformat(), model="flights](https://evil.example)"))
    make_request_after(store)
    store.put_json(store.build_uri(f"runs/flights/{DAY}/evaluate.json"), hostile)
    with pytest.raises(BadConfig, match="holds the result of something else"):
        task_of()._make_request(DAY)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b'{"detail": {}}'])
def test_what_is_no_record_is_an_error_and_no_crash(store: ObjectStore, data: bytes) -> None:
    store.put(store.build_uri(f"runs/flights/{DAY}/evaluate.json"), data, "application/json")
    with pytest.raises(BadConfig, match=r"clear evaluate|delete it, then run evaluate"):
        task_of()._make_request(DAY)


@pytest.mark.parametrize("without", ["verdict", "champion_night", "challenger_version", "holdout_nights"])
def test_a_record_without_its_numbers_is_an_error_and_no_crash(store: ObjectStore, without: str) -> None:
    whole = to_plain(build_evaluate_result(DAY.isoformat()))
    del whole["detail"][without]
    store.put_json(store.build_uri(f"runs/flights/{DAY}/evaluate.json"), whole)
    with pytest.raises(BadConfig, match=rf"detail\.{without}: Field required\): delete it, then run evaluate"):
        task_of()._make_request(DAY)


@pytest.mark.parametrize("run_id", ["f" * 32, ""])
def test_the_version_that_was_withdrawn_is_asked_about_by_nobody(store: ObjectStore, run_id: str) -> None:
    """Its run is the record's, or the ledger does not say."""
    with pytest.raises(AirflowSkipException, match="version 8 was withdrawn"):
        make_request_after(store, {"withdrawn": withdrawn(CHALLENGER, run_id)})


def test_another_version_that_was_given_a_withdrawn_number_is_asked_about(store: ObjectStore) -> None:
    subject = make_request_after(store, {"withdrawn": withdrawn(CHALLENGER, "0" * 32)})
    assert subject == "flights 2013-02-09: may version 8 replace champion 7?"
