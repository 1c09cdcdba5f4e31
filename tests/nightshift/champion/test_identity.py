"""MLflow gives a number again after a restore, or to a model that was made anew: that version is not the champion."""

from datetime import date

import pytest

from nightshift.adapters.ledger import Cause
from nightshift.champion.consistency import findings
from nightshift.champion.court import court
from nightshift.champion.repair import Repair
from nightshift.errors import BadConfig
from thrones import Throne

ONE, TWO, THREE = (date(2013, 2, day) for day in (16, 17, 18))


@pytest.fixture
def anew(throne: Throne) -> Throne:
    """A champion in the ledger, and in MLflow another version of its number that nobody judged."""
    throne.crown(ONE, 3)
    throne.forget()
    assert throne.train(TWO, 0) == 1
    return throne


def _codes(throne: Throne) -> list[str]:
    return [one.code for one in findings(throne.store, throne.registry, throne.name)]


def test_a_version_with_the_champions_number_is_not_crowned(anew: Throne) -> None:
    with pytest.raises(BadConfig, match="another version has this number"):
        court(anew.registry, anew.ledger, anew.name).reigning(TWO)
    with pytest.raises(BadConfig, match="another version has this number"):
        anew.roll_back(1)
    result = anew.promote(ONE)
    assert (result.outcome, anew.alias, len(anew.entries)) == ("bad_config", None, 1)
    assert "version 1 of throne" in result.summary
    assert "is not the one that entry 1 of its ledger made champion" in result.summary
    assert _codes(anew) == ["number"]
    for remedy in Repair(anew.store, anew.registry, anew.name, Cause(by="shell")).remedies():
        assert remedy.do is not None
        remedy.do()
    assert (_codes(anew), anew.alias, anew.entries[-1].champion_version) == ([], None, None)
    anew.evaluate(TWO)
    assert anew.promote(TWO).detail["kind"] == "refusal"  # it is judged, and not taken for the one before


@pytest.mark.slow
def test_a_reign_of_old_is_not_that_of_a_version_with_its_number(throne: Throne) -> None:
    throne.crown(ONE, 3)
    throne.crown(TWO, 5)
    throne.roll_back(None)
    throne.forget()
    throne.train(ONE, 3)
    for remedy in Repair(throne.store, throne.registry, throne.name, Cause(by="shell")).remedies():
        assert remedy.do is not None
        remedy.do()
    assert throne.crown(TWO, 6) == 2  # version 2 that was withdrawn was another one
    assert _codes(throne) == []
    seen = court(throne.registry, throne.ledger, throne.name)
    assert seen.reigning(ONE) is None
    with pytest.raises(BadConfig, match="no earlier champion is left"):
        throne.roll_back(None, by="rollback:run-2")
    with pytest.raises(BadConfig, match="is not the one that was champion"):
        throne.roll_back(1, by="rollback:run-3")
