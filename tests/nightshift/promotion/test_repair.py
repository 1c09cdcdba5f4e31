"""A remedy is done on what is there by then: another process may have done it since it was said."""

from collections.abc import Callable
from datetime import date

import pytest

from nightshift.adapters.ledger_entries import Cause
from nightshift.promotion.repair import Repair
from nightshift.promotion.settle import settled
from support.champion_fixtures import TinyModel

ONE, TWO = (date(2013, 2, day) for day in (16, 17))
CAUSE = Cause(by="a test")


def _moved(tiny: TinyModel) -> None:
    tiny.registry.set_champion(tiny.name, 1)


def _removed(tiny: TinyModel) -> None:
    tiny.registry.remove_champion(tiny.name)


@pytest.mark.parametrize(("hand", "reigns"), [(_moved, 1), (_removed, None)])
def test_what_was_adopted_meanwhile_is_not_adopted_again(
    tiny: TinyModel, hand: Callable[[TinyModel], None], reigns: int | None
) -> None:
    tiny.make_champion(ONE, 3)
    tiny.make_champion(TWO, 4)
    hand(tiny)
    (remedy,) = Repair(tiny.store, tiny.registry, tiny.name, CAUSE).remedies()
    settled(tiny.registry, tiny.ledger, tiny.name, CAUSE)
    assert remedy.do is not None
    remedy.do()
    assert [(entry.kind, entry.champion_version) for entry in tiny.entries[2:]] == [("adoption", reigns)]
    tiny.assert_synced()
