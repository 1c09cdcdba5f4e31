"""An earlier decision answers again: a promotion for good, a person's unverified choice only while it is champion."""

from datetime import date

import pytest

from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Entry
from support.champion_fixtures import TinyModel

ONE, TWO = (date(2013, 2, day) for day in (16, 17))


@pytest.fixture
def chosen(tiny: TinyModel) -> TinyModel:
    """A champion, and a challenger of the next night that a person made champion before it was promoted."""
    tiny.make_champion(ONE, 3)
    tiny.train_and_judge(TWO, 9)
    tiny.set_champion("2", unverified=True)
    return tiny


def test_a_version_that_was_champion_unverified_for_a_while_is_promoted_by_its_own_night(chosen: TinyModel) -> None:
    chosen.set_champion("1", by="set_champion:run-2")
    chosen.set_champion("none", by="set_champion:run-3")
    assert chosen.promote(TWO).outcome == "nothing_to_do"  # the second request withdrew it
    chosen.set_champion("2", by="set_champion:run-4")
    assert chosen.promote(TWO).detail.reused


def test_while_it_is_champion_there_is_nothing_to_promote(chosen: TinyModel) -> None:
    assert chosen.promote(TWO).detail.reused
    assert (chosen.alias, len(chosen.entries)) == (2, 2)


def test_the_whole_ledger_is_not_read_to_find_a_decision(tiny: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.train_and_judge(ONE, 3)
    tiny.promote(ONE)
    for skill in range(4, 8):
        tiny.train_and_judge(TWO, skill)
        tiny.promote(TWO)
    honest, read = Ledger.read_entry, list[int]()

    def counting(ledger: Ledger, number: int) -> tuple[Entry, str]:
        read.append(number)
        return honest(ledger, number)

    monkeypatch.setattr(Ledger, "read_entry", counting)
    result = tiny.promote(ONE)
    assert (result.detail.kind, result.detail.reused, len(tiny.entries)) == ("promotion", True, 5)
    # The last entry, the own one, and for who scores the night the last of each earlier champion period.
    assert read[:2] == [5, 1]


def test_a_number_that_another_writer_took_is_not_ones_own_decision(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    tiny.train_and_judge(TWO, 5)
    tiny.ledger.announce("version-2", 1)  # an attempt that lost
    tiny.ledger.announce("version-2", 7)  # one that was killed before it appended
    assert tiny.promote(TWO).detail.kind == "promotion"
    assert tiny.promote(TWO).detail.reused
    assert len(tiny.entries) == 2
