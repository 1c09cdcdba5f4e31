import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import (
    Cause,
    Entry,
    LedgerVersion,
    number_entry,
    parse,
    serialize_entry,
)
from nightshift.adapters.s3.object_store import ObjectStore, to_json
from nightshift.errors import BadConfig, TryLater
from nightshift.result_parts import Decision, EntryKind
from nightshift.stored_records import to_plain
from support.stored_results import make_evaluation


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    """An empty ledger."""
    return Ledger(store, "shops")


def _entry(version: int, kind: EntryKind = "promotion") -> Entry:
    return Entry(
        kind=kind,
        model="shops",
        version=version,
        night="2013-02-09",
        champion=LedgerVersion(version=version, night="2013-02-09"),
        previous=None,
        reason="it wins",
        verdict=make_evaluation(),
        cause=Cause(by="shops_nightly:scheduled__1", kind="backfill", user="ana", backfill="7", image="steps@sha256:1"),
        when="2013-02-10T00:00:00+00:00",
    )


def _append(ledger: Ledger, entry: Entry) -> Entry:
    """Appends behind the last entry; returns the entry with its number."""
    numbered = number_entry(entry, *ledger.read_last())
    assert ledger.append(numbered)
    return numbered


def _refused(version: int, before: Entry) -> Entry:
    return replace(_entry(version, "refusal"), champion=before.champion)


def test_an_empty_ledger_has_no_last_entry(ledger: Ledger) -> None:
    assert ledger.load_last() is None
    assert list(ledger.iterate_newest_first()) == []


def test_entries_come_back_newest_first(ledger: Ledger) -> None:
    appended = [_append(ledger, _entry(version)) for version in range(1, 12)]
    assert list(ledger.iterate_newest_first()) == appended[::-1]
    assert ledger.load_last() == appended[-1]
    assert ledger.build_uri(11).endswith("/ledger/shops/000011.json")


def test_each_entry_names_the_bytes_of_the_one_before(ledger: Ledger, store: ObjectStore) -> None:
    first, second = (_append(ledger, _entry(version)) for version in (1, 2))
    stored = store.get(ledger.build_uri(1))
    assert stored is not None
    assert second.previous_digest == ledger.find_digest(1) == hashlib.sha256(stored).hexdigest()
    assert (first.previous_digest, ledger.find_digest(3)) == (None, None)


def test_only_one_can_append_behind_the_same_entry(ledger: Ledger) -> None:
    first = _append(ledger, _entry(1))
    digest = ledger.find_digest(1) or ""
    rivals = [number_entry(_entry(version), first, digest) for version in range(2, 10)]
    with ThreadPoolExecutor(8) as pool:
        appended = list(pool.map(ledger.append, rivals))
    assert sum(appended) == 1
    assert ledger.load_last() == rivals[appended.index(True)]
    assert not ledger.append(number_entry(_entry(99), None, ""))


def test_a_ledger_is_that_of_one_model(ledger: Ledger, store: ObjectStore) -> None:
    _append(ledger, _entry(1))
    assert Ledger(store, "shop").load_last() is None
    assert Ledger(store, "shops2").load_last() is None


def test_numbers_are_announced_under_a_key_of_one_model(ledger: Ledger, store: ObjectStore) -> None:
    for number in (7, 12, 7):
        ledger.announce("version-8", number)
    ledger.announce("version-80", 3)
    store.put(store.build_uri("ledger_index/shops/version-8/README"), b"")
    assert ledger.list_announced("version-8") == [12, 7]
    assert ledger.list_announced("version-9") == []
    assert Ledger(store, "shop").list_announced("version-8") == []
    assert ledger.load_last() is None


def test_what_else_lies_in_the_folder_is_no_entry(ledger: Ledger, store: ObjectStore) -> None:
    first = _append(ledger, _entry(1))
    for name in ("000002.json.bak", "0000003.json", "README", "٠٠٠٠٠٤.json"):
        store.put(ledger.build_uri(1).replace("000001.json", name), b"{}")
    assert ledger.load_last() == first


def test_a_missing_entry_is_noticed(ledger: Ledger, store: ObjectStore) -> None:
    for version in (1, 2):
        _append(ledger, _entry(version))
    store.delete([ledger.build_uri(1)])
    with pytest.raises(TryLater, match=r"ledger/shops/000001\.json is missing"):
        list(ledger.iterate_newest_first())


def test_an_entry_is_stored_as_plain_json(ledger: Ledger, store: ObjectStore) -> None:
    before = LedgerVersion(version=2, night="2013-02-08", run_id="r", artifact_sha256="ab", entry=0)
    appended = _append(ledger, replace(_entry(3), previous=before))
    stored = store.get(ledger.build_uri(1))
    assert stored is not None
    document = json.loads(stored)
    assert (document["number"], document["version"], document["previous"]) == (1, 3, to_plain(before))
    assert appended == ledger.load_last()


def test_an_entry_comes_back_as_it_was_appended(ledger: Ledger) -> None:
    decision = Decision(outcome="approved", by="ben", about="0" * 20, at="2013-02-10T06:00:00+00:00")
    gone = (LedgerVersion(version=1, night="2013-02-07"), LedgerVersion(version=2, night="2013-02-08"))
    whole = replace(
        _entry(3), decision=decision, withdraws=2, withdrawn=gone, run_id="r", unverified=True, lost_head="x"
    )
    assert _append(ledger, whole) == ledger.load_last()
    last = ledger.load_last()
    assert last is not None
    assert [version.entry for version in (last.champion, *last.withdrawn) if version] == [1, 1, 1]


def test_an_entry_about_no_version_has_no_night(ledger: Ledger) -> None:
    nobody = replace(_entry(3, "set_champion"), version=None, night="", champion=None)
    assert _append(ledger, nobody) == ledger.load_last()
    with pytest.raises(BadConfig, match="is no entry"):
        _append(ledger, replace(nobody, version=3))


def test_an_entry_knows_which_one_made_the_champion(ledger: Ledger) -> None:
    first = _append(ledger, _entry(1))
    second = _append(ledger, _refused(2, first))
    third = _append(ledger, _entry(3, "set_champion"))
    fourth = _append(ledger, replace(_entry(3, "set_champion"), champion=None))
    entries = (first, second, third, fourth)
    assert [entry.champion_entry for entry in entries] == [1, 1, 3, None]
    assert [entry.changes_champion for entry in entries] == [True, False, True, True]


@pytest.mark.parametrize("changed", [{"number": 3}, {"model": "flights"}])
def test_an_entry_in_anothers_place_is_none(ledger: Ledger, store: ObjectStore, changed: dict[str, Any]) -> None:
    """With a number of its own choice an entry could lead those who hop from period to period in a circle."""
    for version in (1, 2, 3):
        _append(ledger, _entry(version))
    document: dict[str, Any] = store.get_json(ledger.build_uri(2)) or {}
    store.put_json(ledger.build_uri(2), document | changed)
    says = f"entry {changed.get('number', 2)} of {changed.get('model', 'shops')!r}: was it edited"
    with pytest.raises(BadConfig, match=says):
        ledger.load_entry(2)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"cause": {}}', b"\xff"])
def test_what_is_no_entry_is_named(data: bytes) -> None:
    with pytest.raises(BadConfig, match=r"000001\.json is no entry of a ledger \(.+\): was it edited\?"):
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
    "a night that is none": lambda e: e["champion"].update(night="2013-W06-6"),
    "a version that is a text": lambda e: e.update(version="3"),
    "a champion that is a truth": lambda e: e["champion"].update(version=True),
    "a negative number": lambda e: e.update(number=-1),
    "a champion that a later entry made": lambda e: e["champion"].update(entry=2),
    "a champion that is a number": lambda e: e.update(champion=3),
    "withdrawn texts": lambda e: e.update(withdrawn=["1"]),
    "a mark that is a text": lambda e: e.update(unverified="no"),
    "no reason": lambda e: e.update(reason=None),
    "half a character": lambda e: e.update(reason="\ud800"),
    "a verdict that is a list": lambda e: e.update(verdict=[]),
    "a verdict without its seed": lambda e: e["verdict"].pop("seed"),
    "a gain that is a text": lambda e: e["verdict"]["verdict"].update(gain="much"),
    "a gain that is no number": lambda e: e["verdict"]["verdict"].update(gain=float("nan")),
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
    assert parse(serialize_entry(whole), "it") == whole
    document = to_plain(whole)
    edit(document)
    with pytest.raises(BadConfig, match="it is no entry of a ledger"):
        parse(json.dumps(document).encode(), "it")


def test_what_newer_code_adds_is_left_out_by_older_code() -> None:
    whole = replace(_entry(3), decision=SAID, number=1)
    document = to_plain(whole)
    for part in (document, *(document[name] for name in ("cause", "decision", "champion", "verdict"))):
        part["newer"] = {"added": "later"}
    assert parse(to_json(document), "it") == whole


def test_an_entry_that_could_not_be_read_again_is_not_appended(ledger: Ledger) -> None:
    with pytest.raises(BadConfig, match=r"what was to become s3://.*/000001\.json is no entry"):
        _append(ledger, replace(_entry(3), when="now"))
    assert ledger.load_last() is None
