"""Killed at any write, before or after it took effect, a promotion or a person's choice is finished by its rerun."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from nightshift.model_card.publish_card import publish_cards
from nightshift.results import Result
from support.champion_fixtures import Killed, Make, TinyModel, Writes, drop_run_details, end_process

FIRST, SECOND, THIRD = date(2013, 2, 17), date(2013, 2, 18), date(2013, 2, 19)
Act = Callable[[TinyModel], Any]


def _won(tiny: TinyModel) -> Result[Any]:
    """A challenger that wins."""
    return tiny.promote(SECOND)


def _said(result: Result[Any]) -> dict[str, Any]:
    remaining = ("promoted", "kind", "champion_version", "champion_night", "challenger_version", "reason")
    return {name: getattr(result.detail, name) for name in remaining} | {"outcome": result.outcome}


def _world(tiny: TinyModel, skill: int) -> None:
    tiny.make_champion(FIRST, 3)
    tiny.train_and_judge(SECOND, skill)


def _overtaken(tiny: TinyModel) -> None:
    """The champion that the verdict was about is not the one that stands: it is evaluated again."""
    tiny.train_and_judge(SECOND, 5)
    tiny.make_champion(FIRST, 3)


def _superseded(tiny: TinyModel) -> None:
    tiny.make_champion(FIRST, 3)
    tiny.train_and_judge(SECOND, 5)
    tiny.make_champion(THIRD, 4)


WORLDS: dict[str, Act] = {
    "wins": lambda tiny: _world(tiny, 5),
    "loses": lambda tiny: _world(tiny, 2),
    "overtaken": _overtaken,
    "superseded": _superseded,
}


def _killed_everywhere(
    make: Make, world: Act, act: Act, patch: pytest.MonkeyPatch, when: tuple[bool, ...] = (False, True)
) -> list[tuple[TinyModel, Any, str]]:
    """The act killed at each of its writes, before or after it took effect, made again; and what it then came to."""
    plain = Writes()
    first = make()
    world(first)
    with plain.watch(patch):
        act(first)
    ended = []
    for number in range(1, plain.made + 1):
        for after in when:
            tiny = make()
            world(tiny)
            with Writes(at=number, after=after, meet=end_process).watch(patch), pytest.raises(Killed):
                act(tiny)
            at = f"killed {'after' if after else 'before'} write {number} of {plain.made}, {plain.named[number - 1]}"
            ended.append((tiny, act(tiny), at))
    return ended


BOTH = [pytest.param(True, id="after"), pytest.param(False, id="before", marks=pytest.mark.slow)]
"""Killed after each write took effect, or before it."""


@pytest.mark.parametrize("after", BOTH)
@pytest.mark.parametrize(
    "world", ["wins", *(pytest.param(name, marks=pytest.mark.slow) for name in WORLDS if name != "wins")]
)
def test_a_promotion_killed_anywhere_is_the_same_promotion(
    make_tiny: Make, world: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = make_tiny()
    WORLDS[world](plain)
    expected, ledger = _said(_won(plain)), [drop_run_details(entry) for entry in plain.entries]
    ended = _killed_everywhere(make_tiny, WORLDS[world], _won, monkeypatch, (after,))
    assert len(ended) >= 3
    for tiny, result, at in ended:
        assert _said(result) == expected, at
        assert [drop_run_details(entry) for entry in tiny.entries] == ledger, at
        tiny.assert_synced()


def _two_periods(tiny: TinyModel) -> None:
    tiny.make_champion(FIRST, 3)
    tiny.make_champion(SECOND, 5)


@pytest.mark.parametrize("after", BOTH)
def test_set_champion_killed_anywhere_is_the_same_decision(
    make_tiny: Make, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = _killed_everywhere(make_tiny, _two_periods, lambda t: t.set_champion("previous"), monkeypatch, (after,))
    assert len(ended) >= 5
    for tiny, made, at in ended:
        assert [entry.kind for entry in tiny.entries] == ["promotion", "promotion", "set_champion"], at
        assert (made.entry.version, made.entry.withdraws) == (1, 2), at
        assert tiny.alias == 1, at
        tiny.assert_synced()


@pytest.mark.slow
def test_what_a_killed_one_left_is_finished_by_whoever_comes_next(
    make_tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Writes()
    tiny = make_tiny()
    _world(tiny, 5)
    with plain.watch(monkeypatch):
        _won(tiny)
    for number in range(1, plain.made + 1):
        tiny = make_tiny()
        _world(tiny, 5)
        with Writes(at=number, after=True, meet=end_process).watch(monkeypatch), pytest.raises(Killed):
            _won(tiny)
        tiny.train_and_judge(THIRD, 4)
        tiny.promote(THIRD)
        tiny.assert_synced()
        champion = tiny.alias
        _won(tiny)
        tiny.assert_synced()
        assert len([entry for entry in tiny.entries if entry.version == 2]) == 1, plain.named[number - 1]
        assert tiny.alias == champion


@pytest.mark.slow
def test_the_model_cards_are_written_whenever_it_was_killed(make_tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightshift.promotion.sync_alias.publish_cards", publish_cards)
    for tiny, _, at in _killed_everywhere(make_tiny, lambda t: _world(t, 5), _won, monkeypatch):
        message = [_description(tiny, number) for number in (1, 2)]
        assert ("replaced" in message[0], "champion" in message[1]) == (True, True), (at, message)


def _description(tiny: TinyModel, number: int) -> str:
    query = {"name": tiny.name, "version": str(number)}
    actual = tiny.registry.server.get("model-versions/get", **query)["model_version"]
    return str(actual.get("description", "")).splitlines()[0]


def test_the_same_decision_is_found_again_however_often_it_is_asked(tiny: TinyModel) -> None:
    _world(tiny, 2)
    results = [tiny.promote(SECOND) for _ in range(3)]
    assert [result.detail.reused for result in results] == [False, True, True]
    assert len(tiny.entries) == 2
    assert [replace(result, seconds=0, started="", detail=None) for result in results[1:]] == [
        replace(results[0], seconds=0, started="", detail=None)
    ] * 2
