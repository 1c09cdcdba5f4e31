"""A model that a person answers for: the answer belongs to one verdict, and every answer is in the ledger."""

from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from nightshift.adapters import results
from nightshift.adapters.ledger import Decision, Ledger
from nightshift.champion import approval
from nightshift.errors import BadConfig, TryLater
from nightshift.result import Result
from thrones import Make, Throne

ONE, TWO, THREE = date(2013, 2, 17), date(2013, 2, 18), date(2013, 2, 19)
NOW = "2013-02-19T06:30:00+00:00"


@pytest.fixture
def throne(make_throne: Make) -> Throne:
    """A model that a person answers for, with a champion."""
    throne = make_throne("human")
    throne.challenge(ONE, 3)
    throne.promote(ONE, _says("approved", shown(throne, ONE)))
    assert throne.alias == 1
    return throne


def shown(throne: Throne, night: date) -> str:
    """What an answer about the night's verdict names, as it is stored."""
    return approval.shown(record(throne, night).detail)


def record(throne: Throne, night: date) -> Result:
    """What `evaluate` left of a night."""
    found = results.load(throne.store, throne.name, night, "evaluate")
    assert found is not None
    return found


def rewrite(throne: Throne, night: date, **detail: Any) -> None:
    """Writes over a record, key and all, as any step can."""
    found = record(throne, night)
    results.save(throne.store, replace(found, detail={**found.detail, **detail}))


def _says(outcome: Literal["approved", "rejected", "unanswered"], about: str, by: str = "ben") -> Decision:
    return Decision(outcome=outcome, by=by, about=about, at=NOW)


def test_an_approved_winner_is_champion_and_the_ledger_names_who_said_so(throne: Throne) -> None:
    throne.challenge(TWO, 5)
    decision = _says("approved", shown(throne, TWO))
    result = throne.promote(TWO, decision)
    assert (result.outcome, throne.alias) == ("done", 2)
    assert throne.entries[-1].decision == decision
    assert result.detail["decision"]["by"] == "ben"


@pytest.mark.parametrize(
    ("outcome", "by", "reason"),
    [("rejected", "ben", "rejected by ben"), ("unanswered", "", "nobody answered within 12 hours")],
)
def test_a_no_or_no_answer_is_a_refusal_with_the_name(throne: Throne, outcome: Any, by: str, reason: str) -> None:
    throne.challenge(TWO, 5)
    result = throne.promote(TWO, _says(outcome, shown(throne, TWO), by))
    assert (result.outcome, throne.alias) == ("nothing_to_do", 1)
    assert result.detail["reason"] == f"refused: {reason}"
    last = throne.entries[-1]
    assert (last.kind, last.version, last.reason, last.champion_version) == ("refusal", 2, reason, 1)
    assert last.decision is not None
    assert (last.decision.outcome, last.decision.by) == (outcome, by)


def test_without_an_answer_it_says_how_to_give_one(throne: Throne) -> None:
    throne.challenge(TWO, 5)
    result = throne.promote(TWO)
    assert (result.outcome, len(throne.entries)) == ("bad_config", 1)
    given = f"--decision approved --decided-by NAME --about {shown(throne, TWO)}"
    command = f"nightshift promote {throne.name} 2013-02-18 {given}"
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
    throne.challenge(last, 9)
    before = shown(throne, last)
    throne.challenge(middle, 5)
    throne.promote(middle, _says("approved", shown(throne, middle)))
    result = throne.promote(last, _says("approved", before))
    assert (result.outcome, throne.alias) == ("nothing_to_do", 3)
    assert f"ben approved another verdict ({before[:12]})" in result.summary
    assert "clear evaluate to be asked again" in result.summary
    now = throne.entries[-1].verdict["idempotency_key"]
    assert now == throne.evaluate(last)
    asked_again = throne.promote(last, _says("approved", shown(throne, last)))
    assert (asked_again.outcome, throne.alias) == ("done", 2)
    assert throne.entries[-1].verdict["idempotency_key"] == now


@pytest.mark.slow
def test_the_same_answer_is_one_refusal_and_another_answer_a_new_decision(throne: Throne) -> None:
    throne.challenge(TWO, 5)
    key = shown(throne, TWO)
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


def test_a_record_that_names_another_night_s_version_promotes_nothing(throne: Throne) -> None:
    throne.challenge(TWO, 2)
    throne.promote(TWO)
    throne.challenge(THREE, 9)
    yes = _says("approved", shown(throne, THREE))
    rewrite(throne, THREE, challenger_version=2)
    for decision in (yes, _says("approved", shown(throne, THREE))):
        result = throne.promote(THREE, decision)
        assert (result.outcome, throne.alias, len(throne.entries)) == ("bad_config", 1, 2)
        assert "is not about version 2, which is of night 2013-02-18" in result.summary
        assert "delete it, then clear train" in result.summary


def test_a_record_of_another_run_promotes_nothing(throne: Throne) -> None:
    throne.challenge(TWO, 9)
    rewrite(throne, TWO, run_id="f" * 32)
    result = throne.promote(TWO, _says("approved", shown(throne, TWO)))
    assert (result.outcome, throne.alias, len(throne.entries)) == ("bad_config", 1, 1)


def test_a_record_that_was_written_over_after_the_answer_was_not_approved(throne: Throne) -> None:
    """Same night, same version, same key: only the digest of what was shown tells."""
    throne.challenge(TWO, 9)
    yes = _says("approved", shown(throne, TWO))
    honest = record(throne, TWO)
    rewrite(throne, TWO, verdict={"promote": True, "reason": "skill 99 wins"})
    for _ in range(2):
        result = throne.promote(TWO, yes)
        assert (result.outcome, throne.alias, len(throne.entries)) == ("nothing_to_do", 1, 2)
        assert "ben approved another verdict" in result.summary
    results.save(throne.store, honest)
    assert (throne.promote(TWO, yes).outcome, throne.alias) == ("done", 2)
    assert throne.entries[-1].decision == yes
    assert approval.shown(throne.entries[-1].verdict) == yes.about


def test_a_verdict_that_is_found_again_is_the_one_that_was_shown(throne: Throne) -> None:
    throne.challenge(TWO, 9)
    rewrite(throne, TWO, reused=False)
    yes = _says("approved", shown(throne, TWO))
    rewrite(throne, TWO, reused=True)
    assert (throne.promote(TWO, yes).outcome, throne.alias) == ("done", 2)


def test_what_is_no_json_has_no_digest() -> None:
    with pytest.raises(BadConfig, match="clear evaluate"):
        approval.shown({"rows": float("nan")})


@pytest.fixture
def unasked(throne: Throne) -> Throne:
    """The gate refused version 3, so that nobody was asked; then its rival was rolled back, and now it wins."""
    throne.challenge(TWO, 9)
    throne.promote(TWO, _says("approved", shown(throne, TWO)))
    throne.challenge(THREE, 5)
    assert not record(throne, THREE).detail["verdict"]["promote"]
    throne.roll_back(None)
    assert throne.alias == 1
    return throne


def test_a_verdict_that_turned_after_nobody_was_asked_is_refused_until_somebody_is(unasked: Throne) -> None:
    for _ in range(2):
        result = unasked.promote(THREE)
        assert (result.outcome, unasked.alias, len(unasked.entries)) == ("nothing_to_do", 1, 4)
        assert result.detail["reason"] == f"refused: {approval.CHANGED}"
        assert result.detail["champion_version"] == 1  # who scores the night
    last = unasked.entries[-1]
    assert (last.kind, last.version, last.decision, last.verdict["verdict"]["promote"]) == ("refusal", 3, None, True)
    unasked.evaluate(THREE)
    no, yes = (_says(said, shown(unasked, THREE)) for said in ("rejected", "approved"))
    assert unasked.promote(THREE, no).detail["reason"] == "refused: rejected by ben"
    assert unasked.entries[-1].decision == no
    assert (unasked.promote(THREE, yes).outcome, unasked.alias) == ("done", 3)


def test_a_retry_still_knows_that_nobody_was_asked(unasked: Throne, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise TryLater("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", away)
        assert unasked.promote(THREE).outcome == "try_later"
    assert unasked.promote(THREE).detail["reason"] == f"refused: {approval.CHANGED}"
