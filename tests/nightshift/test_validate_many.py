"""Many nights in one process: each gets its result, a rejected one stops nobody, a broken world stops all."""

import logging
from datetime import date, timedelta
from typing import Any

import pytest

from models.flights.definition import MODEL
from nightshift import cli, validate_many
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import Context, open_context
from nightshift.definition import parse_nights
from nightshift.errors import BadConfig
from nightshift.results import Result
from nightshift.settings import RunSettings
from support.stored_results import make_result

FIRST, LAST = date(2013, 2, 27), date(2013, 3, 2)


class Performed:
    """Ends each night with the code that it is given, and keeps which were asked for."""

    def __init__(self, codes: dict[date, int]) -> None:
        self.codes = codes
        self.nights: list[date] = []

    def __call__(self, verb: str, step: Context) -> tuple[Result[Any], int]:
        self.nights.append(step.night)
        code = self.codes.get(step.night, 0)
        outcome = {0: "done", 10: "rejected", 75: "try_later"}[code]
        summary = f"the summary of {step.night}"
        result = make_result(None, night=step.night, verb=verb, outcome=outcome, summary=summary)
        return result, code


@pytest.fixture
def first(store: ObjectStore) -> Context:
    return open_context(MODEL, FIRST, store, RunSettings())


def test_every_night_is_validated_in_order_past_a_rejected_one(
    first: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    performed = Performed({date(2013, 2, 28): 10})
    assert validate_many.run(first, LAST, performed) == 10
    assert performed.nights == [FIRST + timedelta(days=number) for number in range(4)]
    assert caplog.messages[1] == "2013-02-28 rejected: the summary of 2013-02-28"
    assert caplog.messages[-1] == "3 of 4 nights passed, 1 rejected: 2013-02-28"


def test_all_passed_is_done(first: Context) -> None:
    assert validate_many.run(first, FIRST, Performed({})) == 0


def test_storage_that_is_away_stops_at_once(first: Context) -> None:
    performed = Performed({date(2013, 2, 28): 75})
    assert validate_many.run(first, LAST, performed) == 75
    assert performed.nights[-1] == date(2013, 2, 28)


def test_a_line_per_night_and_no_more(first: Context, caplog: pytest.LogCaptureFixture) -> None:
    performed = Performed({})

    def talkative(verb: str, step: Context) -> tuple[Result[Any], int]:
        logging.getLogger("nightshift.steps").info("what a step tells when it runs alone")
        return performed(verb, step)

    caplog.set_level(logging.INFO)
    validate_many.run(first, LAST, talkative)
    assert len(caplog.messages) == 5
    logging.getLogger("nightshift.steps").info("and afterwards again")
    assert caplog.messages[-1] == "and afterwards again"


@pytest.mark.parametrize(
    "text", ["2013-02-01..", "..2013-02-01", "2013-02-01", "2013-02-02..2013-02-01", "2013-02-01...2013-02-03", "a..b"]
)
def test_a_range_that_is_none_says_how_to_write_one(text: str) -> None:
    with pytest.raises(BadConfig):
        parse_nights(text)


def test_the_command_takes_a_range_for_validate_only(
    s3_environment: dict[str, str],  # noqa: ARG001 - leads to an empty S3
) -> None:
    assert cli.main(["validate", "flights", "2013-02-02..2013-02-01"]) == 20
    assert cli.main(["train", "flights", "2013-02-01..2013-02-02"]) == 20
    assert cli.main(["validate", "flights", "2013-02-01..2013-02-02"]) == 10
