"""Alias and tags are brought to where the ledger ends, and what a person did to them is recorded first."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from nightshift.adapters.ledger import Cause
from nightshift.adapters.registry_rest import DECIDED, LEDGER_ENTRY, NIGHT, Registry, Version
from nightshift.champion import entries
from nightshift.champion.court import Reign, court
from nightshift.champion.moving import moving
from nightshift.champion.settle import append, settle, settled
from nightshift.champion.vouching import highest
from nightshift.errors import BadConfig
from thrones import Killed, Throne, dies, stalled

ONE, TWO, THREE = (date(2013, 2, day) for day in (16, 17, 18))
CAUSE = Cause(by="a test")


def test_many_writers_of_one_new_tag_all_succeed(throne: Throne) -> None:
    version = throne.registry.version(throne.name, throne.train(ONE, 3))
    with ThreadPoolExecutor(8) as pool:
        for number in range(8):
            list(pool.map(lambda _, n=number: throne.registry.tag(version, {f"nightshift.t{n}": "1"}), range(8)))
    assert len([tag for tag in throne.registry.version(throne.name, 1).tags if tag.startswith("nightshift.t")]) == 8


def test_settling_again_writes_nothing(throne: Throne, monkeypatch: pytest.MonkeyPatch) -> None:
    throne.crown(ONE, 3)
    written: list[str] = []
    for name in ("tag", "untag", "set_champion"):
        monkeypatch.setattr(Registry, name, lambda *_, name=name: written.append(name))
    settle(throne.registry, throne.ledger, throne.name)
    assert written == []


def test_whoever_settles_late_leaves_the_alias_where_the_ledger_ends(throne: Throne) -> None:
    """The first writer stalls before it moves the alias, and the second one is done before it goes on."""
    throne.crown(ONE, 3)
    throne.challenge(TWO, 4)
    throne.challenge(THREE, 5)

    def overtaken() -> None:
        assert throne.promote(THREE).outcome == "done"
        assert throne.alias == 3

    with stalled(2, overtaken):
        throne.promote(TWO)
    assert throne.alias == 3
    throne.agrees()


@pytest.mark.slow
def test_a_hand_that_corrects_itself_is_not_recorded(throne: Throne, monkeypatch: pytest.MonkeyPatch) -> None:
    throne.crown(ONE, 3)
    throne.crown(TWO, 4)
    throne.registry.set_champion(throne.name, 1)
    monkeypatch.setattr("nightshift.champion.settle.time.sleep", lambda _: throne.registry.set_champion(throne.name, 2))
    seen = settled(throne.registry, throne.ledger, throne.name, CAUSE)
    assert (seen.champion and seen.champion.number, len(throne.entries)) == (2, 2)


@pytest.mark.slow
def test_a_version_that_nightshift_did_not_train_can_be_put_there_by_hand(throne: Throne) -> None:
    throne.train(ONE, 3)
    throne.registry.untag(throne.registry.version(throne.name, throne.train(ONE, 4)), NIGHT)
    throne.registry.set_champion(throne.name, 2)
    seen = settled(throne.registry, throne.ledger, throne.name, CAUSE)
    assert seen.champion is not None
    last = throne.entries[-1]
    assert (last.kind, last.version, last.night, last.champion_entry) == ("adoption", 2, "0001-01-01", 1)
    assert (last.cause.by, last.previous_version) == ("moved in MLflow", None)
    assert last.reason == "the alias champion was moved in MLflow from no version to version 2; found by a test"
    assert seen.champion.version.tags[LEDGER_ENTRY] == "000001"
    throne.agrees()


def test_a_removed_alias_is_recorded_as_nobody_reigning(throne: Throne) -> None:
    throne.crown(ONE, 3)
    path = "registered-models/alias"
    throne.registry.server.delete(path, {"name": throne.name, "alias": "champion"})
    seen = settled(throne.registry, throne.ledger, throne.name, CAUSE)
    assert seen.champion is None
    last = throne.entries[-1]
    assert (last.kind, last.champion_version, last.champion_entry, last.previous_version) == ("adoption", None, None, 1)
    throne.challenge(TWO, 0)  # below the floor: refused while nobody reigns
    throne.promote(TWO)
    assert (throne.entries[-1].kind, throne.entries[-1].champion_version) == ("refusal", None)
    throne.crown(THREE, 2)
    assert throne.entries[-1].previous_version is None
    throne.agrees()


def test_a_hand_after_a_promotion_that_was_cut_short_is_recorded(
    throne: Throne, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the alias and the tag that is set last; then a person sets a third version."""
    throne.crown(ONE, 3)
    throne.crown(TWO, 4)
    throne.challenge(THREE, 5)
    honest = Registry.tag

    def tag(registry: Registry, version: Version, tags: Mapping[str, str]) -> None:
        if LEDGER_ENTRY in tags:
            dies()
        honest(registry, version, tags)

    with monkeypatch.context() as inner:
        inner.setattr(Registry, "tag", tag)
        with pytest.raises(Killed):
            throne.promote(THREE)
    for by_hand, ended in ((2, 3), (1, 1)):  # who reigned before: it is finished; a third: that is a person
        throne.registry.untag(throne.registry.version(throne.name, 3), LEDGER_ENTRY)
        throne.registry.set_champion(throne.name, by_hand)
        settled(throne.registry, throne.ledger, throne.name, CAUSE)
        assert throne.alias == ended
        throne.agrees()
    last = throne.entries[-1]
    assert (last.kind, last.version, last.previous_version, len(throne.entries)) == ("adoption", 1, 3, 4)


TAGS = {
    "nightshift.moving.0": (
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-01-01T00:00:00+00:00",
        "no",
    ),
    DECIDED: ("9" * 5000, "9" * 10 + " 0", "-1", ""),
}


@pytest.mark.parametrize(("tag", "value"), [(tag, value) for tag, values in TAGS.items() for value in values])
def test_a_tag_that_says_nothing_stops_nobody(tag: str, value: str) -> None:
    """Whoever may tag versions can write anything there."""
    version = Version("shops", 1, "", "", {tag: value})
    assert (moving(version, ()), highest(version)) == (False, 0)


@pytest.mark.slow
def test_an_entry_about_a_version_that_is_gone_is_not_appended(throne: Throne) -> None:
    number = throne.train(ONE, 3)
    seen = court(throne.registry, throne.ledger, throne.name)
    reign = Reign(throne.registry.version(throne.name, number), ONE)
    throne.delete(number)
    with pytest.raises(BadConfig, match=r"version 1 of model throne_.* is not in MLflow's registry"):
        append(seen, entries.promotion(seen, reign, "it wins", CAUSE))
    assert throne.entries == []
