"""A version that is gone, and a number that MLflow gave to another version after a restore: neither is the champion."""

from datetime import date

import pytest

from nightshift.errors import BadConfig
from nightshift.promotion.champion_state import find_champion_on
from nightshift.promotion.consistency import find_disagreements
from support.champion_fixtures import TinyModel

ONE, TWO, THREE = (date(2013, 2, day) for day in (16, 17, 18))
DELETED = (
    r"version 1 of tiny_\d+, champion by entry 1 of the ledger, is not in MLflow: was it deleted\? Restore it, or name "
    r"another champion: `nightshift set-champion tiny_\d+ previous --reason …`"
)
REUSED = (
    r"version 1 of tiny_\d+ is not the one that entry 1 of the ledger made champion: MLflow gave its number to another "
    r"version\. Restore it, or name another champion"
)


def _codes(tiny: TinyModel) -> list[str]:
    return [finding.code for finding in find_disagreements(tiny.context)]


def test_a_champion_that_was_deleted_ends_the_steps_until_a_person_names_another(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    tiny.train_and_judge(TWO, 9)
    tiny.delete(1)
    for _ in range(2):
        with pytest.raises(BadConfig, match=DELETED):
            tiny.sync()
    assert (tiny.promote(TWO).outcome, len(tiny.entries), tiny.alias) == ("bad_config", 1, None)
    assert _codes(tiny) == ["alias", "missing"]
    with pytest.raises(BadConfig, match=r"version 1 is champion of tiny_\d+ and no earlier champion is left"):
        tiny.set_champion("previous")
    tiny.set_champion("none")
    assert tiny.promote(TWO).detail.promoted
    assert [entry.kind for entry in tiny.entries] == ["promotion", "set_champion", "promotion"]
    tiny.assert_synced()


@pytest.fixture
def anew(tiny: TinyModel) -> TinyModel:
    """A champion in the ledger, and in MLflow another version of its number that nobody judged."""
    tiny.make_champion(ONE, 3)
    tiny.forget()
    assert tiny.train(TWO, 0) == 1
    return tiny


def test_a_version_with_the_champions_number_is_not_champion(anew: TinyModel) -> None:
    anew.move_by_hand(1)  # the number is the ledger's, the version is not
    with pytest.raises(BadConfig, match=REUSED):
        anew.sync()
    assert find_champion_on(anew.context, anew.state, TWO) is None
    result = anew.promote(ONE)
    assert (result.outcome, len(anew.entries)) == ("bad_config", 1)
    assert "MLflow gave its number to another version" in result.summary
    assert _codes(anew) == ["unsynced", "missing"]  # the registered model was made anew, its tag is gone
    with pytest.raises(BadConfig, match="is not the one that was champion, it has its number only"):
        anew.set_champion("1")
    anew.set_champion("none")
    anew.evaluate(TWO)
    assert anew.promote(TWO).detail.kind == "refusal"  # it is judged, and not taken for the one before
    anew.assert_synced()


def test_a_withdrawn_number_says_nothing_of_another_version(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    tiny.make_champion(TWO, 5)
    tiny.set_champion("previous")
    tiny.forget()
    tiny.train(ONE, 3)
    tiny.set_champion("none", by="set_champion:run-2")
    assert tiny.make_champion(TWO, 6) == 2  # version 2 that was withdrawn was another one
    assert find_champion_on(tiny.context, tiny.state, ONE) is None
    with pytest.raises(BadConfig, match="no earlier champion is left"):
        tiny.set_champion("previous", by="set_champion:run-3")
    tiny.assert_synced()


def test_a_version_is_not_held_to_the_file_of_one_that_had_its_number(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    tiny.forget()
    tiny.set_champion("none")
    assert [tiny.make_champion(night, skill) for night, skill in ((TWO, 5), (THREE, 7))] == [1, 2]
    assert tiny.entries[0].artifact_sha256 != tiny.entries[2].artifact_sha256
    tiny.set_champion("1", by="set_champion:run-2")
    assert (tiny.alias, tiny.entries[-1].withdraws, tiny.entries[-1].unverified) == (1, 2, False)
    tiny.assert_synced()
