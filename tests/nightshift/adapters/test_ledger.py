import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import pytest

from nightshift.adapters.ledger import Ledger
from nightshift.adapters.ledger_entries import Cause, Decision, Entry, Kind, parse, stored
from nightshift.adapters.storage import ObjectStore, as_json
from nightshift.errors import BadConfig, TryLater


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    """An empty ledger."""
    return Ledger(store, "shops")


def _entry(version: int, kind: Kind = "promotion") -> Entry:
    return Entry(
        kind=kind,
        model="shops",
        version=version,
        night="2013-02-09",
        champion_version=version,
        champion_night="2013-02-09",
        previous_version=None,
        previous_night=None,
        reason="it wins",
        verdict={"gain": 0.1},
        cause=Cause(by="shops_nightly:scheduled__1", kind="backfill", user="ana", backfill="7", image="steps@sha256:1"),
        when="2013-02-10T00:00:00+00:00",
    )


def _refused(version: int, standing: Entry) -> Entry:
    kept = ("champion_version", "champion_night", "champion_entry")
    return replace(_entry(version, "refusal"), **{name: getattr(standing, name) for name in kept})


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


def test_what_else_lies_in_the_folder_is_no_entry(ledger: Ledger, store: ObjectStore) -> None:
    first = ledger.append(_entry(1), after=None)
    for name in ("000002.json.bak", "0000003.json", "README", "٠٠٠٠٠٤.json"):
        store.put(ledger.uri(1).replace("000001.json", name), b"{}")
    assert ledger.last() == first


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


def test_an_entry_comes_back_as_it_was_appended(ledger: Ledger) -> None:
    said = Decision(outcome="approved", by="ben", about="0" * 20, at="2013-02-10T06:00:00+00:00")
    whole = replace(_entry(3), decision=said, withdrawn=2, barred=(1, 2), run_id="r", artifact_sha256="ab")
    assert ledger.append(whole, after=None) == ledger.last() == replace(whole, number=1, champion_entry=1)


def test_an_entry_knows_which_one_crowned_who_reigns(ledger: Ledger) -> None:
    first = ledger.append(_entry(1), after=None)
    assert first is not None
    second = ledger.append(_refused(2, first), after=first)
    assert second is not None
    third = ledger.append(_entry(3, "rollback"), after=second)
    assert third is not None
    emptied = replace(_entry(3, "adoption"), champion_version=None, champion_night=None)
    fourth = ledger.append(emptied, after=third)
    assert fourth is not None
    entries = (first, second, third, fourth)
    assert [entry.champion_entry for entry in entries] == [1, 1, 3, None]
    assert [entry.changes_champion for entry in entries] == [True, False, True, True]


def test_reigns_are_read_without_what_lies_between(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ledger.append(_entry(1), after=None)
    assert first is not None
    last = first
    for version in range(2, 30):
        refused = ledger.append(_refused(version, first), after=last)
        assert refused is not None
        last = refused
    crowned = ledger.append(_entry(30), after=last)
    read: list[int] = []
    honest = Ledger._entry

    def counting(self: Ledger, number: int) -> tuple[Entry, bytes]:
        read.append(number)
        return honest(self, number)

    monkeypatch.setattr(Ledger, "_entry", counting)
    assert [entry.champion_version for entry in ledger.reigns(crowned)] == [30, 1]
    assert read == [29]
    assert list(ledger.reigns(None)) == []


@pytest.mark.parametrize("changed", [{"number": 3}, {"model": "flights"}])
def test_an_entry_in_anothers_place_is_none(ledger: Ledger, store: ObjectStore, changed: dict[str, Any]) -> None:
    """With a number of its own choice an entry could lead those who hop from reign to reign in a circle."""
    last = None
    for version in (1, 2, 3):
        last = ledger.append(_entry(version), after=last)
    document: dict[str, Any] = store.get_json(ledger.uri(2)) or {}
    store.put_json(ledger.uri(2), document | changed)
    said = f"entry {changed.get('number', 2)} of {changed.get('model', 'shops')!r}: was it edited"
    for read in (lambda: list(ledger.reigns(last)), lambda: ledger.digest(2)):
        with pytest.raises(BadConfig, match=said):
            read()


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"cause": {}}', b"\xff"])
def test_what_is_no_entry_is_named(data: bytes) -> None:
    with pytest.raises(BadConfig, match=r"000001\.json is no entry of a ledger: was it edited\?"):
        parse(data, "s3://nightshift/ledger/shops/000001.json")


SAID = Decision(outcome="approved", by="ben", about="0" * 20, at="2013-02-10T06:00:00+00:00")
Edit = Callable[[dict[str, Any]], object]
EDITS: dict[str, Edit] = {
    "no instant": lambda e: e.update(when=None),
    "an instant without a zone": lambda e: e.update(when="2013-02-10T00:00:00"),
    "words for an instant": lambda e: e.update(when="\x1b[2J"),
    "no kind": lambda e: e.update(kind=None),
    "an unknown kind": lambda e: e.update(kind="\x1b[31mcoup"),
    "no night": lambda e: e.update(night=None),
    "a night that is none": lambda e: e.update(champion_night="2013-W06-6"),
    "a version that is a text": lambda e: e.update(version="3"),
    "a champion that is a truth": lambda e: e.update(champion_version=True),
    "a negative number": lambda e: e.update(number=-1),
    "a champion that a later entry made": lambda e: e.update(champion_entry=2),
    "barred texts": lambda e: e.update(barred=["1"]),
    "no reason": lambda e: e.update(reason=None),
    "half a character": lambda e: e.update(reason="\ud800"),
    "a verdict that is a list": lambda e: e.update(verdict=[]),
    "a cause that is a text": lambda e: e.update(cause="shell"),
    "a cause without a name": lambda e: e["cause"].pop("by"),
    "a user that is a number": lambda e: e["cause"].update(user=7),
    "a decision that is a list": lambda e: e.update(decision=[]),
    "an unknown outcome": lambda e: e["decision"].update(outcome="maybe"),
    "a decision at no time": lambda e: e["decision"].update(at="soon"),
    "words that are none": lambda e: e["decision"].update(reason=None),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_entry_with_a_value_that_is_not_of_its_kind_is_none(edit: Edit) -> None:
    whole = replace(_entry(3), decision=SAID, number=1)
    assert parse(stored(whole), "it") == whole
    document = asdict(whole)
    edit(document)
    with pytest.raises(BadConfig, match="it is no entry of a ledger"):
        parse(json.dumps(document).encode(), "it")


def test_what_newer_code_adds_is_left_out_by_older_code() -> None:
    whole = replace(_entry(3), decision=SAID, number=1)
    document = asdict(whole)
    for part in (document, document["cause"], document["decision"]):
        part["newer"] = {"added": "later"}
    assert parse(as_json(document), "it") == whole


def test_an_entry_that_could_not_be_read_again_is_not_appended(ledger: Ledger) -> None:
    with pytest.raises(BadConfig, match=r"what was to become s3://.*/000001\.json is no entry"):
        ledger.append(replace(_entry(3), when="now"), after=None)
    assert ledger.last() is None
