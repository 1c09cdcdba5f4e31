"""Which failures of a task are counted, and when it is not tried again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowException

from nightshift_airflow.runs.retry_policy import EXTRA_TRIES, LOST, STORE_KEY, RealFailures, TrySeries, mark_lost
from support import airflow_environment  # noqa: F401  # before anything imports airflow

ALLOWED = 2
DELAY = timedelta(minutes=1)
REAL = AirflowException("failed: KeyError (exit 1: a bug)")
NODE_LOST = mark_lost(AirflowException("the pod vanished: it was deleted, or its node was lost"))


class Store:
    """Airflow's store of task states, as a task sees it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value


class Broken(Store):
    """A store that no request reaches."""

    def set(self, key: str, value: Any) -> None:
        raise AirflowException(f"the API server does not answer: {key} {value}")

    def get(self, key: str, default: Any = None) -> Any:
        raise AirflowException(f"the API server does not answer: {key} {default}")


def tried(store: Store, *failures: AirflowException | None, first: int = 1) -> list[tuple[str, str]]:
    """What is decided after each of some tries in a row; None: the worker was killed, and nothing decides."""
    decided = []
    for number, failure in enumerate(failures, first):
        if failure:
            policy = RealFailures(ALLOWED, DELAY)  # each try is a process of its own
            decision = policy.evaluate(failure, number, first - 1 + ALLOWED + EXTRA_TRIES, {"task_state_store": store})
            decided.append((decision.action.value, decision.reason or ""))
    return decided


def test_three_lost_pods_in_a_row_leave_every_try_for_real_failures() -> None:
    decided = tried(Store(), NODE_LOST, NODE_LOST, NODE_LOST, REAL, REAL, REAL)
    assert decided == [
        ("retry", "no real failure; infrastructure lost once"),
        ("retry", "no real failure; infrastructure lost 2 times"),
        ("retry", "no real failure; infrastructure lost 3 times"),
        ("retry", "real failure 1 of 3; infrastructure lost 3 times"),
        ("retry", "real failure 2 of 3; infrastructure lost 3 times"),
        ("fail", "real failure 3 of 3; infrastructure lost 3 times: it is not tried again"),
    ]


def test_real_failures_alone_are_as_many_as_the_definition_allows() -> None:
    assert tried(Store(), REAL, REAL, REAL) == [
        ("retry", "real failure 1 of 3"),
        ("retry", "real failure 2 of 3"),
        ("fail", "real failure 3 of 3: it is not tried again"),
    ]


def test_a_try_whose_end_nobody_recorded_was_lost() -> None:
    assert tried(Store(), None, REAL, None, REAL) == [
        ("retry", "real failure 1 of 3; infrastructure lost once"),
        ("retry", "real failure 2 of 3; infrastructure lost 2 times"),
    ]


def test_a_task_that_is_cleared_starts_again_with_nothing_counted() -> None:
    store = Store()
    tried(store, REAL, REAL, REAL)
    assert tried(store, NODE_LOST, REAL, first=4) == [
        ("retry", "no real failure; infrastructure lost once"),
        ("retry", "real failure 1 of 3; infrastructure lost once"),
    ]


def test_lost_infrastructure_ends_the_task_at_the_ceiling() -> None:
    *before, last = tried(Store(), *[NODE_LOST] * (ALLOWED + EXTRA_TRIES + 1))
    assert {action for action, _ in before} == {"retry"}
    assert last == ("fail", "no real failure; infrastructure lost 9 times: it is not tried again")


def test_a_lost_try_is_repeated_soon_and_a_real_one_with_back_off() -> None:
    policy = RealFailures(ALLOWED, DELAY)
    assert policy.evaluate(NODE_LOST, 1, ALLOWED + EXTRA_TRIES).retry_delay == DELAY
    assert policy.evaluate(REAL, 1, ALLOWED + EXTRA_TRIES).retry_delay is None


@pytest.mark.parametrize(("tries_made", "minutes", "is_over"), [(3, 59, False), (3, 61, True), (2, 61, False)])
def test_the_tries_beyond_those_of_the_definition_begin_within_an_hour(
    tries_made: int, minutes: int, is_over: bool
) -> None:
    started_at = datetime(2026, 3, 9, tzinfo=UTC)
    series = TrySeries(1, tries_made, ALLOWED, {1: (LOST, started_at)})
    assert series.is_over(started_at + timedelta(minutes=minutes)) is is_over


@pytest.mark.parametrize("failure", [REAL, NODE_LOST, KeyError("x"), SystemExit(1)])
def test_a_store_that_is_away_changes_nothing_but_the_count(failure: BaseException) -> None:
    decision = RealFailures(ALLOWED, DELAY).evaluate(failure, 1, 8, {"task_state_store": Broken()})
    assert decision.action is RetryAction.RETRY


@pytest.mark.parametrize("stored", [[], "x", {"x": 1}, {"1": ["real"]}, {"1": ["real", "yesterday"]}])
def test_a_record_that_cannot_be_read_is_none(stored: object) -> None:
    store = Store()
    store.values[STORE_KEY] = stored
    assert tried(store, REAL) == [("retry", "real failure 1 of 3")]
