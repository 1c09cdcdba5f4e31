from datetime import date

import pytest

from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.promotion.champion_state import find_champion_on
from support.champion_fixtures import TinyModel

ONE, TWO, THREE, FOUR = (date(2013, 2, day) for day in (16, 17, 18, 19))


def _champion_on(tiny: TinyModel, night: date, without: int | None = None) -> int | None:
    champion = find_champion_on(tiny.context, tiny.state, night, without)
    return champion.number if champion else None


def test_a_new_model_has_no_champion(tiny: TinyModel) -> None:
    state = tiny.sync()
    assert (state.champion, state.last, state.end, state.withdrawn) == (None, None, 0, ())
    assert _champion_on(tiny, ONE) is None


def test_each_night_has_the_champion_that_was_not_trained_for_a_later_one(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    tiny.make_champion(THREE, 5)
    tiny.train_and_judge(FOUR, 2)
    tiny.promote(FOUR)  # refused: the newest entry changes no champion
    assert [_champion_on(tiny, night) for night in (date(2013, 2, 15), ONE, TWO, THREE, FOUR)] == [None, 1, 1, 2, 2]
    assert [_champion_on(tiny, night, without=2) for night in (TWO, THREE, FOUR)] == [1, 1, 1]


@pytest.mark.slow
def test_refusals_are_not_read_on_the_way_back(tiny: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_champion(ONE, 3)
    for _ in range(6):
        tiny.train_and_judge(TWO, 2)
        tiny.promote(TWO)
    tiny.make_champion(THREE, 5)
    assert len(tiny.entries) == 8
    honest, read = Ledger.read_entry, list[int]()

    def counting(ledger: Ledger, number: int) -> tuple[Entry, str]:
        read.append(number)
        return honest(ledger, number)

    monkeypatch.setattr(Ledger, "read_entry", counting)
    assert _champion_on(tiny, ONE) == 1
    assert read == [8, 7]  # the last entry, and the one before it made its champion
