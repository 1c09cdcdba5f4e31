import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from nightshift.adapters.ledger import PROMOTION, Entry, Ledger
from nightshift.adapters.storage import ObjectStore
from nightshift.errors import TryLater


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    """An empty ledger."""
    return Ledger(store, "shops")


def _entry(version: int) -> Entry:
    return Entry(
        kind=PROMOTION,
        model="shops",
        version=version,
        night="2013-02-09",
        previous_version=None,
        previous_night=None,
        reason="it wins",
        verdict={"gain": 0.1},
        caused_by="a test",
        code_version="1",
        when="2013-02-10T00:00:00+00:00",
    )


def test_an_empty_ledger_has_no_last_entry(ledger: Ledger) -> None:
    assert ledger.last() is None
    assert list(ledger.newest_first()) == []


def test_entries_come_back_newest_first(ledger: Ledger) -> None:
    last = None
    for version in range(1, 12):
        last = ledger.append(_entry(version), after=last)
        assert last is not None
    assert [entry.version for entry in ledger.newest_first()] == list(range(11, 0, -1))
    assert ledger.last() == last
    assert ledger.uri(11).endswith("/ledger/shops/000011.json")


def test_each_entry_names_the_bytes_of_the_one_before(ledger: Ledger, store: ObjectStore) -> None:
    first = ledger.append(_entry(1), after=None)
    second = ledger.append(_entry(2), after=first)
    stored = store.get(ledger.uri(1))
    assert stored is not None
    assert second is not None
    assert second.previous_digest == hashlib.sha256(stored).hexdigest()
    assert first is not None
    assert first.previous_digest is None


def test_only_one_can_append_behind_the_same_entry(ledger: Ledger) -> None:
    first = ledger.append(_entry(1), after=None)
    with ThreadPoolExecutor(8) as pool:
        appended = list(pool.map(lambda version: ledger.append(_entry(version), after=first), range(2, 10)))
    won = [entry for entry in appended if entry is not None]
    assert len(won) == 1
    assert ledger.last() == won[0]
    assert ledger.append(_entry(99), after=None) is None


def test_a_ledger_is_that_of_one_model(ledger: Ledger, store: ObjectStore) -> None:
    ledger.append(_entry(1), after=None)
    assert Ledger(store, "shop").last() is None
    assert Ledger(store, "shops2").last() is None


def test_a_missing_entry_is_noticed(ledger: Ledger, store: ObjectStore) -> None:
    first = ledger.append(_entry(1), after=None)
    ledger.append(_entry(2), after=first)
    store.delete([ledger.uri(1)])
    with pytest.raises(TryLater, match=r"ledger/shops/000001\.json is missing"):
        list(ledger.newest_first())


def test_an_entry_is_stored_as_plain_json(ledger: Ledger, store: ObjectStore) -> None:
    appended = ledger.append(replace(_entry(3), previous_version=2, previous_night="2013-02-08"), after=None)
    stored = store.get(ledger.uri(1))
    assert stored is not None
    document = json.loads(stored)
    assert (document["number"], document["version"], document["previous_version"]) == (1, 3, 2)
    assert appended == ledger.last()
