"""A run that could not do its work does not undo what an earlier one did."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import TryLater
from nightshift.results import FailedRun, Result
from support.stored_results import make_validation

NIGHT = date(2013, 2, 9)
DONE = make_validation("flights", NIGHT, [], summary="3 datasets pass", code_version="one")
FAILED = replace(
    DONE,
    outcome="bad_config",
    summary="a typo",
    started="2013-02-11T00:00:00+00:00",
    code_version="two",
    detail=None,
)


def _load(store: ObjectStore, verb: str = "validate") -> Result[Any]:
    result = step_results.load_any(store, "flights", NIGHT, verb)
    assert result is not None
    return result


@pytest.mark.parametrize("answer", ["done", "rejected", "nothing_to_do"])
@pytest.mark.parametrize("failure", ["bad_config", "try_later", "failed"])
def test_an_answer_stays_and_the_failure_stands_beside_it(store: ObjectStore, answer: str, failure: str) -> None:
    before = replace(DONE, outcome=answer)
    step_results.save(store, before)
    step_results.save(store, replace(FAILED, outcome=failure))
    actual = _load(store)
    assert replace(actual, failed_since=None) == before
    assert actual.failed_since == FailedRun(
        outcome=failure,
        summary="a typo",
        started="2013-02-11T00:00:00+00:00",
        code_version="two",
        caused_by="a test",
    )
    assert (actual.last_outcome, actual.last_summary) == (failure, "a typo")


@pytest.mark.parametrize("answer", ["done", "rejected"])
def test_a_later_answer_replaces_both(store: ObjectStore, answer: str) -> None:
    later = replace(DONE, outcome=answer, summary="again")
    for result in (DONE, FAILED, later):
        step_results.save(store, result)
    assert _load(store) == later


def test_the_last_failure_counts(store: ObjectStore) -> None:
    for result in (DONE, FAILED, replace(FAILED, summary="another")):
        step_results.save(store, result)
    assert _load(store).last_summary == "another"
    assert _load(store).summary == DONE.summary


def test_a_failure_with_nothing_before_is_the_result(store: ObjectStore) -> None:
    step_results.save(store, FAILED)
    assert _load(store) == FAILED
    step_results.save(store, replace(FAILED, summary="again"))
    assert _load(store).summary == "again"


@pytest.mark.parametrize("stored", [b"{", b"[]", b'{"model": "flights"}', b"\xff"])
def test_what_is_no_result_is_replaced(store: ObjectStore, stored: bytes) -> None:
    store.put(store.build_uri("runs/flights/2013-02-09/validate.json"), stored)
    step_results.save(store, FAILED)
    assert _load(store) == FAILED


def test_an_answer_that_arrives_meanwhile_is_not_overwritten(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_results.save(store, replace(DONE, outcome="rejected"))
    read = store.get_tagged

    def read_late(uri: str) -> tuple[bytes, str] | None:
        actual = read(uri)
        monkeypatch.setattr(store, "get_tagged", read)
        step_results.save(store, DONE)
        return actual

    monkeypatch.setattr(store, "get_tagged", read_late)
    step_results.save(store, FAILED)
    assert (_load(store).outcome, _load(store).last_outcome) == ("done", "bad_config")


def test_a_result_that_keeps_changing_is_tried_again_later(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    step_results.save(store, DONE)
    monkeypatch.setattr(store, "put_if_match", lambda *_: False)
    with pytest.raises(TryLater, match="changed 3 times"):
        step_results.save(store, FAILED)
