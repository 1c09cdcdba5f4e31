from datetime import date

import pytest

from nightshift.champion.court import court
from thrones import Throne

ONE, TWO, THREE, FOUR = (date(2013, 2, day) for day in (16, 17, 18, 19))


def _reigning(throne: Throne, night: date, without: int | None = None) -> int | None:
    reign = court(throne.registry, throne.ledger, throne.name).reigning(night, without)
    return reign.number if reign else None


def test_nobody_reigns_over_a_new_model(throne: Throne) -> None:
    seen = court(throne.registry, throne.ledger, throne.name)
    assert (seen.champion, seen.last, seen.unfinished, seen.by_hand) == (None, None, False, False)
    assert seen.reigning(ONE) is None


def test_each_night_has_the_champion_that_was_not_trained_for_a_later_one(throne: Throne) -> None:
    throne.crown(ONE, 3)
    throne.crown(THREE, 5)
    throne.challenge(FOUR, 2)
    throne.promote(FOUR)  # refused: the newest entry crowns nobody
    assert [_reigning(throne, night) for night in (date(2013, 2, 15), ONE, TWO, THREE, FOUR)] == [None, 1, 1, 2, 2]
    assert [_reigning(throne, night, without=2) for night in (TWO, THREE, FOUR)] == [1, 1, 1]


@pytest.mark.slow
def test_refusals_are_not_read_on_the_way_back(throne: Throne, monkeypatch: pytest.MonkeyPatch) -> None:
    throne.crown(ONE, 3)
    for _ in range(6):
        throne.challenge(TWO, 2)
        throne.promote(TWO)
    throne.crown(THREE, 5)
    seen, read = court(throne.registry, throne.ledger, throne.name), []
    honest = type(throne.ledger)._entry

    def counting(ledger: object, number: int) -> object:
        read.append(number)
        return honest(ledger, number)  # type: ignore[arg-type]

    monkeypatch.setattr(type(throne.ledger), "_entry", counting)
    assert (len(throne.entries), seen.reigning(ONE) is not None) == (8, True)
    assert read[8:] == [7, 1]  # of all entries only the one before the newest reign, and that which began it


@pytest.mark.slow
def test_an_alias_that_was_moved_is_seen_and_reigns(throne: Throne) -> None:
    throne.crown(ONE, 3)
    throne.crown(TWO, 5)
    throne.registry.set_champion(throne.name, 1)
    seen = court(throne.registry, throne.ledger, throne.name)
    assert seen.by_hand
    assert seen.champion is not None
    assert (seen.champion.number, _reigning(throne, FOUR)) == (1, 1)


def test_a_deleted_champion_leaves_nobody_and_older_nights_too(throne: Throne) -> None:
    throne.crown(ONE, 3)
    throne.crown(TWO, 5)
    throne.delete(2)
    assert _reigning(throne, FOUR) is None
    throne.crown(FOUR, 2)  # the throne was empty: no rival
    assert [entry.kind for entry in throne.entries] == ["promotion", "promotion", "adoption", "promotion"]
    assert _reigning(throne, THREE) == 1  # who reigned then and is still there
