"""The way of a person's response from Airflow's event to the arguments of `promote`."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_cluster.pods.environment import expand
from nightshift.cli import make_parser
from nightshift.commands.approval_options import read_decision
from nightshift.errors import BadConfig
from nightshift_airflow.operators.approval_response import make_arguments, read_response

AT = datetime(2013, 2, 10, 6, 30, tzinfo=UTC)
DIGEST = "0123456789abcdef" * 4
ADA = {"id": "1", "name": "ada"}


def make_event(chosen: str = "Approve", **more: Any) -> dict[str, Any]:
    return {
        "chosen_options": [chosen],
        "params_input": {},
        "responded_at": AT,
        "responded_by_user": ADA,
        "timedout": False,
        **more,
    }


def respond(event: dict[str, Any]) -> dict[str, str]:
    return read_response(event, "Approve", DIGEST)


@pytest.mark.parametrize(
    ("response", "outcome", "by"),
    [
        (make_event(), "approved", "ada"),
        (make_event("Reject"), "rejected", "ada"),
        (make_event("Reject", responded_by_user=None, timedout=True), "unanswered", ""),
        (make_event("Approve", responded_by_user=None, timedout=True), "unanswered", ""),
        (make_event("Approve", responded_by_user=None), "unanswered", ""),
        (make_event("Approve", chosen_options=["Approve", "Reject"]), "rejected", "ada"),
        (make_event("Approve", chosen_options=[]), "rejected", "ada"),
        (make_event(responded_by_user={"id": "17", "name": ""}), "approved", "17"),
        (make_event(responded_by_user={"id": "", "name": "\n"}), "approved", "_"),
    ],
)
def test_only_a_person_s_clear_yes_is_one(response: dict[str, Any], outcome: str, by: str) -> None:
    assert (respond(response)["outcome"], respond(response)["by"]) == (outcome, by)


def test_the_answer_keeps_the_verdict_and_the_instant() -> None:
    assert respond(make_event()) == {
        "outcome": "approved",
        "by": "ada",
        "at": "2013-02-10T06:30:00+00:00",
        "about": DIGEST,
        "reason": "",
    }


@pytest.mark.parametrize(
    ("given_reason", "kept"),
    [("  fine\nby me ", "fine by me"), ("x" * 900, "x" * 500), (None, ""), (7, ""), (["a"], "")],
)
def test_a_reason_never_makes_an_answer_fail(given_reason: object, kept: str) -> None:
    assert respond(make_event(params_input={"reason": given_reason}))["reason"] == kept


NAMES = st.text() | st.sampled_from(["--force", "-x", "$(AWS_SECRET_ACCESS_KEY)", "Ada Lovelace", "o'neil@example.com"])


@given(NAMES, st.sampled_from(["Approve", "Reject"]))
def test_the_step_takes_every_answer(name: str, chosen: str) -> None:
    arguments = make_arguments(respond(make_event(chosen, responded_by_user={"id": "x", "name": name})))
    decided = read_decision(make_parser("promote").parse_args(["flights", "2013-02-09", *arguments]))
    assert decided
    assert decided.about == DIGEST
    assert decided.outcome == ("approved" if chosen == "Approve" else "rejected")
    assert decided.at == "2013-02-10T06:30:00+00:00"


def test_the_step_takes_no_answer_as_one() -> None:
    arguments = make_arguments(respond(make_event("Reject", responded_by_user=None, timedout=True)))
    decided = read_decision(make_parser("promote").parse_args(["flights", "2013-02-09", *arguments]))
    assert decided
    assert (decided.outcome, decided.by) == ("unanswered", "")


@given(st.text() | st.sampled_from(["--force", "$(AWS_SECRET_ACCESS_KEY)", "$$(X)", "$$$$", "why\nnot", "x" * 900]))
def test_the_step_takes_every_reason_and_none_reads_a_variable_of_the_pod(reason: str) -> None:
    arguments = make_arguments(respond(make_event("Reject", params_input={"reason": reason})))
    assert not [argument for argument in arguments if "$(" in argument or "$$" in argument]
    assert [expand(argument, {"AWS_SECRET_ACCESS_KEY": "secret", "X": "x"}) for argument in arguments] == arguments
    decided = read_decision(make_parser("promote").parse_args(["flights", "2013-02-09", *arguments]))
    assert decided
    assert (
        decided.reason.split()
        == read_response(make_event(params_input={"reason": reason}), "Approve", DIGEST)["reason"].split()
    )


def test_a_plain_reason_arrives_letter_by_letter() -> None:
    arguments = make_arguments(
        respond(make_event("Reject", params_input={"reason": "not before the holidays; 2 % or 5 $ is too little"}))
    )
    decided = read_decision(make_parser("promote").parse_args(["flights", "2013-02-09", *arguments]))
    assert decided
    assert decided.reason == "not before the holidays; 2 % or 5 $ is too little"


GOOD = {"outcome": "approved", "by": "ada", "at": "2013-02-10T06:30:00+00:00", "about": DIGEST, "reason": ""}


@pytest.mark.parametrize(
    "response",
    [
        "approved",
        [],
        ["approved"],
        7,
        {},
        {**GOOD, "outcome": "yes"},
        {**GOOD, "by": ""},
        {**GOOD, "by": " ", "outcome": "rejected"},
        {**GOOD, "about": DIGEST[:20]},
        {**GOOD, "about": f"{DIGEST}\n"},
        {**GOOD, "at": "yesterday"},
        {**GOOD, "at": "--force"},
    ],
)
def test_what_is_no_answer_is_refused_in_one_sentence(response: object) -> None:
    with pytest.raises(BadConfig, match=r"\Athe answer of approve .*clear approve, and it asks again\Z"):
        make_arguments(response)
