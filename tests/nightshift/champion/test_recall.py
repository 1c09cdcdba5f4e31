"""An earlier decision answers again: a promotion and a rollback for ever, a hand's only while its version reigns."""

from datetime import date

import pytest

from nightshift.adapters.ledger import Cause
from nightshift.champion.settle import settled
from thrones import Throne

ONE, TWO = (date(2013, 2, day) for day in (16, 17))


def _by_hand(throne: Throne, number: int) -> None:
    throne.registry.set_champion(throne.name, number)
    settled(throne.registry, throne.ledger, throne.name, Cause(by="shell"))


@pytest.fixture
def slip(throne: Throne) -> Throne:
    """A champion, and a challenger of the next night that a hand set in its place."""
    throne.crown(ONE, 3)
    throne.challenge(TWO, 9)
    _by_hand(throne, 2)
    return throne


def test_a_version_that_a_hand_set_for_a_while_is_promoted_by_its_own_night(slip: Throne) -> None:
    _by_hand(slip, 1)
    result = slip.promote(TWO)
    assert (result.outcome, result.detail["kind"], slip.alias) == ("done", "promotion", 2)
    assert slip.promote(TWO).detail["reused"]
    assert [entry.kind for entry in slip.entries] == ["promotion", "adoption", "adoption", "promotion"]


def test_while_it_reigns_there_is_nothing_to_promote(slip: Throne) -> None:
    assert slip.promote(TWO).detail["reused"]
    assert (slip.alias, len(slip.entries)) == (2, 2)


@pytest.mark.slow
def test_a_promotion_answers_though_a_hand_came_after_it(throne: Throne) -> None:
    for night, skill in ((ONE, 3), (TWO, 9)):
        throne.crown(night, skill)
    for number in (1, 2, 1):
        _by_hand(throne, number)
    result = throne.promote(TWO)
    assert (result.detail["kind"], result.detail["reused"]) == ("promotion", True)
    assert (throne.alias, len(throne.entries)) == (1, 5)
