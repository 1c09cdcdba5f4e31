"""Killed at any write, before or after it took effect, a promotion or a rollback is finished by its rerun."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from nightshift.result import Result
from nightshift.story.card import publish_cards
from thrones import Killed, Make, Throne, Writes, dies, same_decision

FIRST, SECOND, THIRD = date(2013, 2, 17), date(2013, 2, 18), date(2013, 2, 19)
Act = Callable[[Throne], Any]


def _won(throne: Throne) -> Result:
    """A challenger that wins."""
    return throne.promote(SECOND)


def _said(result: Result) -> dict[str, Any]:
    kept = ("promoted", "kind", "champion_version", "champion_night", "challenger_version", "reason")
    return {name: result.detail.get(name) for name in kept} | {"outcome": result.outcome}


def _world(throne: Throne, skill: int) -> None:
    throne.crown(FIRST, 3)
    throne.challenge(SECOND, skill)


def _overtaken(throne: Throne) -> None:
    """The champion that the verdict was about is not the one that stands: it is evaluated again."""
    throne.challenge(SECOND, 5)
    throne.crown(FIRST, 3)


def _superseded(throne: Throne) -> None:
    throne.crown(FIRST, 3)
    throne.challenge(SECOND, 5)
    throne.crown(THIRD, 4)


WORLDS: dict[str, Act] = {
    "wins": lambda throne: _world(throne, 5),
    "loses": lambda throne: _world(throne, 2),
    "overtaken": _overtaken,
    "superseded": _superseded,
}


def _killed_everywhere(
    make: Make, world: Act, act: Act, patch: pytest.MonkeyPatch, when: tuple[bool, ...] = (False, True)
) -> list[tuple[Throne, Any, str]]:
    """The act killed at each of its writes, before or after it took effect, made again; and what it then came to."""
    calm = Writes()
    first = make()
    world(first)
    with calm.watched(patch):
        act(first)
    ended = []
    for number in range(1, calm.made + 1):
        for after in when:
            throne = make()
            world(throne)
            with Writes(at=number, after=after, meet=dies).watched(patch), pytest.raises(Killed):
                act(throne)
            at = f"killed {'after' if after else 'before'} write {number} of {calm.made}, {calm.named[number - 1]}"
            ended.append((throne, act(throne), at))
    return ended


BOTH = [pytest.param(True, id="after"), pytest.param(False, id="before", marks=pytest.mark.slow)]
"""Killed after each write took effect, or before it."""


@pytest.mark.parametrize("after", BOTH)
@pytest.mark.parametrize(
    "world", ["wins", *(pytest.param(name, marks=pytest.mark.slow) for name in WORLDS if name != "wins")]
)
def test_a_promotion_killed_anywhere_is_the_same_promotion(
    make_throne: Make, world: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = make_throne()
    WORLDS[world](calm)
    wanted, ledger = _said(_won(calm)), [same_decision(entry) for entry in calm.entries]
    ended = _killed_everywhere(make_throne, WORLDS[world], _won, monkeypatch, (after,))
    assert len(ended) >= 3
    for throne, result, at in ended:
        assert _said(result) == wanted, at
        assert [same_decision(entry) for entry in throne.entries] == ledger, at
        throne.agrees()


def _two_reigns(throne: Throne) -> None:
    throne.crown(FIRST, 3)
    throne.crown(SECOND, 5)


@pytest.mark.parametrize("after", BOTH)
def test_a_rollback_killed_anywhere_is_the_same_rollback(
    make_throne: Make, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = _killed_everywhere(make_throne, _two_reigns, lambda t: t.roll_back(None), monkeypatch, (after,))
    assert len(ended) >= 5
    for throne, made, at in ended:
        assert [entry.kind for entry in throne.entries] == ["promotion", "promotion", "rollback"], at
        assert (made.entry.version, made.entry.withdrawn) == (1, 2), at
        assert throne.alias == 1, at
        tags = [throne.registry.version(throne.name, number).tags for number in (1, 2)]
        assert (tags[0]["nightshift.ledger_entry"], tags[1]["nightshift.withdrawn"]) == ("000003", "000003"), at
        throne.agrees()


@pytest.mark.slow
def test_what_a_killed_one_left_is_finished_by_whoever_comes_next(
    make_throne: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = Writes()
    throne = make_throne()
    _world(throne, 5)
    with calm.watched(monkeypatch):
        _won(throne)
    for number in range(1, calm.made + 1):
        throne = make_throne()
        _world(throne, 5)
        with Writes(at=number, after=True, meet=dies).watched(monkeypatch), pytest.raises(Killed):
            _won(throne)
        throne.challenge(THIRD, 4)
        throne.promote(THIRD)
        throne.agrees()
        reigns = throne.alias
        _won(throne)
        throne.agrees()
        assert len([entry for entry in throne.entries if entry.version == 2]) == 1, calm.named[number - 1]
        assert throne.alias == reigns


@pytest.mark.slow
def test_the_model_cards_are_written_whenever_it_was_killed(make_throne: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("nightshift.steps.promote", "nightshift.champion.rollback"):
        monkeypatch.setattr(f"{module}.publish_cards", publish_cards)
    for throne, _, at in _killed_everywhere(make_throne, lambda t: _world(t, 5), _won, monkeypatch):
        said = [_description(throne, number) for number in (1, 2)]
        assert ("replaced" in said[0], "champion" in said[1]) == (True, True), (at, said)


def _description(throne: Throne, number: int) -> str:
    query = {"name": throne.name, "version": str(number)}
    found = throne.registry.server.get("model-versions/get", **query)["model_version"]
    return str(found.get("description", "")).splitlines()[0]


def test_the_same_decision_is_found_again_however_often_it_is_asked(throne: Throne) -> None:
    _world(throne, 2)
    results = [throne.promote(SECOND) for _ in range(3)]
    assert [result.detail["reused"] for result in results] == [False, True, True]
    assert len(throne.entries) == 2
    assert [replace(result, seconds=0, started="", detail={}) for result in results[1:]] == [
        replace(results[0], seconds=0, started="", detail={})
    ] * 2
