"""A remedy is done on what is there by then: another process may have done it since it was said."""

from collections.abc import Callable
from datetime import date

import pytest

from nightshift.adapters.ledger import Cause
from nightshift.champion.repair import Repair
from nightshift.champion.settle import settled
from thrones import Throne

ONE, TWO = (date(2013, 2, day) for day in (16, 17))
CAUSE = Cause(by="a test")


def _moved(throne: Throne) -> None:
    throne.registry.set_champion(throne.name, 1)


def _removed(throne: Throne) -> None:
    throne.registry.remove_champion(throne.name)


@pytest.mark.parametrize(("hand", "reigns"), [(_moved, 1), (_removed, None)])
def test_what_was_adopted_meanwhile_is_not_adopted_again(
    throne: Throne, hand: Callable[[Throne], None], reigns: int | None
) -> None:
    throne.crown(ONE, 3)
    throne.crown(TWO, 4)
    hand(throne)
    (remedy,) = Repair(throne.store, throne.registry, throne.name, CAUSE).remedies()
    settled(throne.registry, throne.ledger, throne.name, CAUSE)
    assert remedy.do is not None
    remedy.do()
    assert [(entry.kind, entry.champion_version) for entry in throne.entries[2:]] == [("adoption", reigns)]
    throne.agrees()
