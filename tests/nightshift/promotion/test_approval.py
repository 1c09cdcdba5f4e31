"""A model that a person answers for: the answer belongs to one verdict, and every answer is in the ledger."""

from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.errors import TryLater
from nightshift.promotion import approval
from nightshift.result_parts import Decision
from nightshift.results import Result
from support.champion_fixtures import Make, TinyModel
from support.stored_results import judged, make_evaluation, make_verdict

ONE, TWO, THREE = date(2013, 2, 17), date(2013, 2, 18), date(2013, 2, 19)
NOW = "2013-02-19T06:30:00+00:00"


@pytest.fixture
def tiny(make_tiny: Make) -> TinyModel:
    """A model that a person answers for, with a champion."""
    tiny = make_tiny("human")
    tiny.train_and_judge(ONE, 3)
    tiny.promote(ONE, _says("approved", shown(tiny, ONE)))
    assert tiny.alias == 1
    return tiny


def shown(tiny: TinyModel, night: date) -> str:
    """What an answer about the night's verdict names, as it is stored."""
    return approval.digest_record(record(tiny, night).detail)


def record(tiny: TinyModel, night: date) -> Result[Any]:
    """What `evaluate` left of a night."""
    result = step_results.load_any(tiny.store, tiny.name, night, "evaluate")
    assert result is not None
    return result


def rewrite(tiny: TinyModel, night: date, **detail: Any) -> None:
    """Writes over a record, key and all, as any step can."""
    actual = record(tiny, night)
    step_results.save(tiny.store, replace(actual, detail=replace(actual.detail, **detail)))


def _says(outcome: Literal["approved", "rejected", "unanswered"], about: str, by: str = "ben") -> Decision:
    return Decision(outcome=outcome, by=by, about=about, at=NOW)


def test_an_approved_winner_is_champion_and_the_ledger_names_who_said_so(tiny: TinyModel) -> None:
    tiny.train_and_judge(TWO, 5)
    decision = _says("approved", shown(tiny, TWO))
    result = tiny.promote(TWO, decision)
    assert (result.outcome, tiny.alias) == ("done", 2)
    assert tiny.entries[-1].decision == decision
    assert result.detail.decision.by == "ben"


@pytest.mark.parametrize(
    ("outcome", "by", "reason"),
    [("rejected", "ben", "rejected by ben"), ("unanswered", "", "nobody answered within 12 hours")],
)
def test_a_no_or_no_answer_is_a_refusal_with_the_name(tiny: TinyModel, outcome: Any, by: str, reason: str) -> None:
    tiny.train_and_judge(TWO, 5)
    result = tiny.promote(TWO, _says(outcome, shown(tiny, TWO), by))
    assert (result.outcome, tiny.alias) == ("nothing_to_do", 1)
    assert result.detail.reason == f"refused: {reason}"
    last = tiny.entries[-1]
    assert (last.kind, last.version, last.reason, last.champion_version) == ("refusal", 2, reason, 1)
    assert last.decision is not None
    assert (last.decision.outcome, last.decision.by) == (outcome, by)


def test_without_an_answer_it_says_how_to_give_one(tiny: TinyModel) -> None:
    tiny.train_and_judge(TWO, 5)
    result = tiny.promote(TWO)
    assert (result.outcome, len(tiny.entries)) == ("bad_config", 1)
    given = f"--decision approved --decided-by NAME --about {shown(tiny, TWO)}"
    command = f"nightshift promote {tiny.name} 2013-02-18 {given}"
    assert command in result.summary


def test_a_refused_challenger_needs_no_answer(tiny: TinyModel) -> None:
    tiny.train_and_judge(TWO, 2)
    assert tiny.promote(TWO).outcome == "nothing_to_do"
    assert (tiny.entries[-1].kind, tiny.entries[-1].decision) == ("refusal", None)


def test_a_model_that_promotes_by_itself_ignores_an_answer(make_tiny: Make) -> None:
    tiny = make_tiny()
    tiny.train_and_judge(ONE, 3)
    result = tiny.promote(ONE, _says("rejected", "0" * 20))
    assert (result.outcome, tiny.alias, tiny.entries[-1].decision) == ("done", 1, None)


def test_an_answer_to_another_verdict_is_no_answer(tiny: TinyModel) -> None:
    """The champion changed after the person was asked, so that the challenger met another one."""
    middle, last = date(2013, 2, 19), date(2013, 2, 20)
    tiny.train_and_judge(last, 9)
    before = shown(tiny, last)
    tiny.train_and_judge(middle, 5)
    tiny.promote(middle, _says("approved", shown(tiny, middle)))
    result = tiny.promote(last, _says("approved", before))
    assert (result.outcome, tiny.alias) == ("nothing_to_do", 3)
    assert f"ben approved another verdict ({before[:12]})" in result.summary
    assert "clear evaluate to be asked again" in result.summary
    now = judged(tiny.entries[-1]).idempotency_key
    assert now == tiny.evaluate(last)
    asked_again = tiny.promote(last, _says("approved", shown(tiny, last)))
    assert (asked_again.outcome, tiny.alias) == ("done", 2)
    assert judged(tiny.entries[-1]).idempotency_key == now


@pytest.mark.slow
def test_the_same_answer_is_one_refusal_and_another_answer_a_new_decision(tiny: TinyModel) -> None:
    tiny.train_and_judge(TWO, 5)
    key = shown(tiny, TWO)
    no = _says("rejected", key)
    for decision in (no, replace(no, at="2013-02-19T07:00:00+00:00")):
        tiny.promote(TWO, decision)
    assert len(tiny.entries) == 2
    tiny.promote(TWO, _says("rejected", key, by="eva"))
    assert len(tiny.entries) == 3
    assert tiny.promote(TWO, _says("approved", key)).outcome == "done"
    assert tiny.promote(TWO, no).outcome == "done"  # only a person takes a promotion back
    assert [entry.kind for entry in tiny.entries] == ["promotion", "refusal", "refusal", "promotion"]


@pytest.mark.slow
def test_superseded_asks_nobody(tiny: TinyModel) -> None:
    tiny.train(date(2013, 2, 16), 9)
    tiny.evaluate(date(2013, 2, 16))
    result = tiny.promote(date(2013, 2, 16))
    assert result.outcome == "nothing_to_do"
    assert result.detail.reason.startswith("superseded: champion 1 was trained for the later night 2013-02-17")


def test_a_record_that_names_another_night_s_version_promotes_nothing(tiny: TinyModel) -> None:
    tiny.train_and_judge(TWO, 2)
    tiny.promote(TWO)
    tiny.train_and_judge(THREE, 9)
    yes = _says("approved", shown(tiny, THREE))
    rewrite(tiny, THREE, challenger_version=2)
    for decision in (yes, _says("approved", shown(tiny, THREE))):
        result = tiny.promote(THREE, decision)
        assert (result.outcome, tiny.alias, len(tiny.entries)) == ("bad_config", 1, 2)
        assert "is not about version 2, which is of night 2013-02-18" in result.summary
        assert "delete it, then clear train" in result.summary


def test_a_record_of_another_run_promotes_nothing(tiny: TinyModel) -> None:
    tiny.train_and_judge(TWO, 9)
    rewrite(tiny, TWO, run_id="f" * 32)
    result = tiny.promote(TWO, _says("approved", shown(tiny, TWO)))
    assert (result.outcome, tiny.alias, len(tiny.entries)) == ("bad_config", 1, 1)


def test_a_record_that_was_written_over_after_the_answer_was_not_approved(tiny: TinyModel) -> None:
    """Same night, same version, same key: only the digest of what was shown tells."""
    tiny.train_and_judge(TWO, 9)
    yes = _says("approved", shown(tiny, TWO))
    honest = record(tiny, TWO)
    rewrite(tiny, TWO, verdict=make_verdict(reason="skill 99 wins"))
    for _ in range(2):
        result = tiny.promote(TWO, yes)
        assert (result.outcome, tiny.alias, len(tiny.entries)) == ("nothing_to_do", 1, 2)
        assert "ben approved another verdict" in result.summary
    step_results.save(tiny.store, honest)
    assert (tiny.promote(TWO, yes).outcome, tiny.alias) == ("done", 2)
    assert tiny.entries[-1].decision == yes
    assert approval.digest_record(judged(tiny.entries[-1])) == yes.about


def test_a_verdict_that_is_found_again_is_the_one_that_was_shown(tiny: TinyModel) -> None:
    tiny.train_and_judge(TWO, 9)
    rewrite(tiny, TWO, reused=False)
    yes = _says("approved", shown(tiny, TWO))
    rewrite(tiny, TWO, reused=True)
    assert (tiny.promote(TWO, yes).outcome, tiny.alias) == ("done", 2)


def test_a_record_has_the_digest_of_what_is_read_back_of_it() -> None:
    """A gate's bound may be written as a whole number; it is read as a fraction."""
    whole, fraction = (make_evaluation(make_verdict(min_gain=bound)) for bound in (0, 0.0))
    assert approval.digest_record(whole) == approval.digest_record(fraction)


@pytest.fixture
def unasked(tiny: TinyModel) -> TinyModel:
    """The gate refused version 3, so that nobody was asked; then the champion was withdrawn, and now it wins."""
    tiny.train_and_judge(TWO, 9)
    tiny.promote(TWO, _says("approved", shown(tiny, TWO)))
    tiny.train_and_judge(THREE, 5)
    assert not record(tiny, THREE).detail.verdict.promote
    tiny.set_champion("previous")
    assert tiny.alias == 1
    return tiny


def test_a_verdict_that_turned_after_nobody_was_asked_is_refused_until_somebody_is(unasked: TinyModel) -> None:
    for _ in range(2):
        result = unasked.promote(THREE)
        assert (result.outcome, unasked.alias, len(unasked.entries)) == ("nothing_to_do", 1, 4)
        assert result.detail.reason == f"refused: {approval.CHANGED}"
        assert result.detail.champion_version == 1  # who scores the night
    last = unasked.entries[-1]
    assert (last.kind, last.version, last.decision, judged(last).verdict.promote) == ("refusal", 3, None, True)
    unasked.evaluate(THREE)
    no, yes = (_says(message, shown(unasked, THREE)) for message in ("rejected", "approved"))
    assert unasked.promote(THREE, no).detail.reason == "refused: rejected by ben"
    assert unasked.entries[-1].decision == no
    assert (unasked.promote(THREE, yes).outcome, unasked.alias) == ("done", 3)


def test_a_retry_still_knows_that_nobody_was_asked(unasked: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise TryLater("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", away)
        assert unasked.promote(THREE).outcome == "try_later"
    assert unasked.promote(THREE).detail.reason == f"refused: {approval.CHANGED}"
