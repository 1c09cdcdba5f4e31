"""Two writers at once: another one is let in at every write of a promotion and of a choice, and threads race."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from nightshift.errors import BadConfig
from nightshift.promotion.append_decision import Decided
from nightshift.promotion.consistency import find_disagreements
from nightshift.results import Result
from support.champion_fixtures import Make, TinyModel, Writes
from support.stored_results import judged

BASE, ONE, TWO = (date(2013, 2, day) for day in (16, 17, 18))
Act = Callable[[TinyModel], Any]


def _fair(tiny: TinyModel, at: str) -> None:
    """What holds whoever came first: every promotion is about the champion that it replaced, and none is made twice."""
    tiny.assert_synced()
    entries = tiny.entries
    for before, entry in pairwise(entries):
        assert entry.previous == before.champion, at
        if entry.kind == "promotion":
            assert judged(entry).champion_version == entry.previous_version, at
        if entry.kind != "set_champion":
            assert (entry.champion_night or "") >= (before.champion_night or ""), at
    promoted = Counter(entry.version for entry in entries if entry.kind == "promotion")
    decided = Counter((entry.version, judged(entry).idempotency_key) for entry in entries if entry.verdict)
    assert (max(promoted.values()), max(decided.values())) == (1, 1), at


def _meetings(
    make: Make, world: Act, act: Act, other: Act, patch: pytest.MonkeyPatch
) -> list[tuple[TinyModel, Any, Any, str]]:
    """The act with the other one let in at each of its writes; what both came to."""
    undisturbed, first = Writes(), make()
    world(first)
    with undisturbed.watch(patch):
        act(first)
    met = []
    for number in range(1, undisturbed.made + 1):
        for after in (False, True):
            message: list[Any] = []
            tiny = make()
            world(tiny)
            writes = Writes(at=number, after=after, meet=lambda tiny=tiny, message=message: message.append(other(tiny)))  # type: ignore[misc]
            with writes.watch(patch):
                ended = act(tiny)
            at = f"the other came {'after' if after else 'before'} write {number}, {undisturbed.named[number - 1]}"
            assert len(message) == 1, at
            met.append((tiny, ended, message[0], at))
    return met


def _two_challengers(tiny: TinyModel) -> None:
    tiny.make_champion(BASE, 2)
    tiny.train_and_judge(ONE, 4)
    tiny.train_and_judge(TWO, 5)


@pytest.mark.slow
def test_a_later_night_promoted_meanwhile_supersedes(make_tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    met = _meetings(make_tiny, _two_challengers, lambda t: t.promote(ONE), lambda t: t.promote(TWO), monkeypatch)
    kinds = set()
    for tiny, ended, other, at in met:
        _fair(tiny, at)
        assert other.outcome == "done", at
        assert tiny.alias == 3, at
        kinds.add(ended.detail.kind)
        if ended.outcome == "nothing_to_do":
            assert "superseded: champion 3 was trained for the later night 2013-02-18" in ended.summary, at
    assert kinds == {"superseded", "promotion"}  # it came too late, or was first


@pytest.mark.slow
def test_an_older_night_promoted_meanwhile_is_met_first(make_tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    met = _meetings(make_tiny, _two_challengers, lambda t: t.promote(TWO), lambda t: t.promote(ONE), monkeypatch)
    second = set()
    for tiny, ended, _, at in met:
        _fair(tiny, at)
        assert (ended.outcome, tiny.alias) == ("done", 3), at
        second.add(ended.detail.evaluated_again)
    assert second == {True, False}


@pytest.mark.slow
def test_another_attempt_at_the_same_night_is_the_same_promotion(
    make_tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attempt(tiny: TinyModel) -> Result[Any]:
        return tiny.promote(ONE)

    for tiny, ended, other, at in _meetings(make_tiny, _two_challengers, attempt, attempt, monkeypatch):
        _fair(tiny, at)
        assert (ended.outcome, other.outcome, tiny.alias) == ("done", "done", 2), at
        assert [entry.kind for entry in tiny.entries] == ["promotion", "promotion"], at


def _two_periods(tiny: TinyModel) -> None:
    tiny.make_champion(BASE, 2)
    tiny.make_champion(ONE, 4)
    tiny.train_and_judge(TWO, 5)


@pytest.mark.slow
def test_the_previous_one_is_set_during_a_promotion(make_tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    met = _meetings(make_tiny, _two_periods, lambda t: t.promote(TWO), lambda t: t.set_champion(), monkeypatch)
    came: Counter[int | None] = Counter()
    for tiny, ended, other, at in met:
        _fair(tiny, at)
        assert isinstance(other, Decided), at
        came[other.entry.withdraws] += 1
        if other.entry.withdraws == 2:  # that was first: the challenger then met the version that came back
            assert (ended.outcome, tiny.alias, ended.detail.evaluated_again) == ("done", 3, True), at
        else:
            assert (other.entry.withdraws, tiny.alias) == (3, 2), at
    assert set(came) == {2, 3}


def _ask_for_previous(tiny: TinyModel) -> Decided | str:
    try:
        return tiny.set_champion("previous")
    except BadConfig as error:
        return str(error)


@pytest.mark.slow
def test_a_promotion_while_the_previous_one_is_set(make_tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asked to withdraw the version that was promoted meanwhile: it says so and changes nothing."""
    met = _meetings(make_tiny, _two_periods, _ask_for_previous, lambda t: t.promote(TWO), monkeypatch)
    message = []
    for tiny, ended, other, at in met:
        _fair(tiny, at)
        assert (other.outcome, tiny.alias) == ("done", 3), at
        if isinstance(ended, str):
            assert "changed from 2 to 3 meanwhile: nothing was changed" in ended, at
            assert [entry.kind for entry in tiny.entries] == ["promotion"] * 3, at
        message.append(type(ended).__name__)
    assert {"str", "Decided"} == set(message)


def test_many_promoters_at_once_end_with_one_champion(tiny: TinyModel) -> None:
    nights = [date(2013, 3, day) for day in range(1, 7)]
    for skill, night in enumerate(nights, start=2):
        tiny.train_and_judge(night, skill)
    together, ended = threading.Barrier(len(nights), timeout=60), {}

    def promote(night: date) -> None:
        together.wait()
        ended[night] = tiny.promote(night)

    threads = [threading.Thread(target=promote, args=(night,)) for night in nights]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    later = [night for night, result in ended.items() if result.outcome == "try_later"]
    for night in later:  # as Airflow would
        ended[night] = tiny.promote(night)
    outcomes = {result.outcome: result.summary for result in ended.values()}
    assert set(outcomes) <= {"done", "nothing_to_do"}, outcomes
    _fair(tiny, "all at once")
    assert tiny.alias == 6  # the latest night has the highest skill
    assert len([entry for entry in tiny.entries if entry.version == 6]) == 1


@pytest.mark.slow
def test_two_who_set_the_same_version_edit_nothing(make_tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def asks(by: str) -> Act:
        def ask(tiny: TinyModel) -> Decided | str:
            try:
                return tiny.set_champion("previous", reason=f"{by} says so", by=by)
            except BadConfig as error:
                return str(error)

        return ask

    for tiny, _, _, at in _meetings(make_tiny, _two_periods, asks("run-1"), asks("run-2"), monkeypatch):
        findings = find_disagreements(tiny.context)
        assert findings == [], (at, findings)
