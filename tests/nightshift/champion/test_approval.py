"""A model that a person answers for: the answer belongs to one verdict, and every answer is in the ledger."""

from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from nightshift.adapters.ledger import Decision
from thrones import Make, Throne

ONE, TWO = date(2013, 2, 17), date(2013, 2, 18)
NOW = "2013-02-19T06:30:00+00:00"


@pytest.fixture
def throne(make_throne: Make) -> Throne:
    """A model that a person answers for, with a champion."""
    throne = make_throne("human")
    throne.train(ONE, 3)
    throne.promote(ONE, _says("approved", throne.evaluate(ONE)))
    assert throne.alias == 1
    return throne


def _says(outcome: Literal["approved", "rejected", "unanswered"], about: str, by: str = "ben") -> Decision:
    return Decision(outcome=outcome, by=by, about=about, at=NOW)


def test_an_approved_winner_is_champion_and_the_ledger_names_who_said_so(throne: Throne) -> None:
    throne.train(TWO, 5)
    decision = _says("approved", throne.evaluate(TWO))
    result = throne.promote(TWO, decision)
    assert (result.outcome, throne.alias) == ("done", 2)
    assert throne.entries[-1].decision == decision
    assert result.detail["decision"]["by"] == "ben"


@pytest.mark.parametrize(
    ("outcome", "by", "reason"),
    [("rejected", "ben", "rejected by ben"), ("unanswered", "", "nobody answered within 12 hours")],
)
def test_a_no_or_no_answer_is_a_refusal_with_the_name(throne: Throne, outcome: Any, by: str, reason: str) -> None:
    throne.train(TWO, 5)
    result = throne.promote(TWO, _says(outcome, throne.evaluate(TWO), by))
    assert (result.outcome, throne.alias) == ("nothing_to_do", 1)
    assert result.detail["reason"] == f"refused: {reason}"
    last = throne.entries[-1]
    assert (last.kind, last.version, last.reason, last.champion_version) == ("refusal", 2, reason, 1)
    assert last.decision is not None
    assert (last.decision.outcome, last.decision.by) == (outcome, by)


def test_without_an_answer_it_says_how_to_give_one(throne: Throne) -> None:
    throne.train(TWO, 5)
    key = throne.evaluate(TWO)
    result = throne.promote(TWO)
    assert (result.outcome, len(throne.entries)) == ("bad_config", 1)
    command = f"nightshift promote {throne.name} 2013-02-18 --decision approved --decided-by NAME --about {key}"
    assert command in result.summary


def test_a_refused_challenger_needs_no_answer(throne: Throne) -> None:
    throne.challenge(TWO, 2)
    assert throne.promote(TWO).outcome == "nothing_to_do"
    assert (throne.entries[-1].kind, throne.entries[-1].decision) == ("refusal", None)


def test_a_model_that_promotes_by_itself_ignores_an_answer(make_throne: Make) -> None:
    throne = make_throne()
    throne.challenge(ONE, 3)
    result = throne.promote(ONE, _says("rejected", "0" * 20))
    assert (result.outcome, throne.alias, throne.entries[-1].decision) == ("done", 1, None)


def test_an_answer_to_another_verdict_is_no_answer(throne: Throne) -> None:
    """The champion changed after the person was asked, so that the challenger met another one."""
    middle, last = date(2013, 2, 19), date(2013, 2, 20)
    throne.train(last, 9)
    shown = throne.evaluate(last)
    throne.train(middle, 5)
    throne.promote(middle, _says("approved", throne.evaluate(middle)))
    result = throne.promote(last, _says("approved", shown))
    assert (result.outcome, throne.alias) == ("nothing_to_do", 3)
    assert f"ben approved another verdict ({shown})" in result.summary
    assert "clear evaluate to be asked again" in result.summary
    now = throne.entries[-1].verdict["idempotency_key"]
    assert now != shown
    asked_again = throne.promote(last, _says("approved", throne.evaluate(last)))
    assert (asked_again.outcome, throne.alias) == ("done", 2)
    assert throne.entries[-1].verdict["idempotency_key"] == now


@pytest.mark.slow
def test_the_same_answer_is_one_refusal_and_another_answer_a_new_decision(throne: Throne) -> None:
    throne.train(TWO, 5)
    key = throne.evaluate(TWO)
    no = _says("rejected", key)
    for decision in (no, replace(no, at="2013-02-19T07:00:00+00:00")):
        throne.promote(TWO, decision)
    assert len(throne.entries) == 2
    throne.promote(TWO, _says("rejected", key, by="eva"))
    assert len(throne.entries) == 3
    assert throne.promote(TWO, _says("approved", key)).outcome == "done"
    assert throne.promote(TWO, no).outcome == "done"  # who reigns is taken back by a rollback only
    assert [entry.kind for entry in throne.entries] == ["promotion", "refusal", "refusal", "promotion"]


@pytest.mark.slow
def test_superseded_asks_nobody(throne: Throne) -> None:
    throne.train(date(2013, 2, 16), 9)
    throne.evaluate(date(2013, 2, 16))
    result = throne.promote(date(2013, 2, 16))
    assert result.outcome == "nothing_to_do"
    assert result.detail["reason"].startswith("superseded: champion 1 was trained for the later night 2013-02-17")
