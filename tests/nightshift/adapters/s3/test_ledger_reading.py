from datetime import timedelta

import pytest

from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_reading import find_last_number, read, read_all, read_since
from nightshift.adapters.s3.object_store import ObjectStore
from support.version_records import append, build_entry


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    """A ledger of 40 entries."""
    append(store, *(build_entry("promotion", number % 28 + 1, number % 28 + 1) for number in range(40)))
    return Ledger(store, "flights")


def test_it_reads_what_the_ledger_holds_in_order(store: ObjectStore, ledger: Ledger) -> None:
    reading = read_all(store, "flights")
    assert reading.entries == tuple(reversed(list(ledger.iterate_newest_first())))
    assert reading.faults == ()
    assert (reading.last, find_last_number(store, "flights")) == (ledger.load_last(), 40)


def test_a_page_is_read_alone_and_chained_to_the_one_before(store: ObjectStore, ledger: Ledger) -> None:
    store.delete([ledger.build_uri(3)])
    page = read(store, "flights", 11, 20)
    assert [item.number for item in page.entries] == list(range(11, 21))
    assert page.faults == ()


def test_an_entry_that_is_missing_is_named_and_the_others_are_read(store: ObjectStore, ledger: Ledger) -> None:
    store.delete([ledger.build_uri(7)])
    reading = read_all(store, "flights")
    assert reading.faults == ("entry 7 is missing",)
    assert [item.number for item in reading.entries] == [n for n in range(1, 41) if n != 7]


def test_an_entry_that_was_edited_shows_in_the_next(store: ObjectStore, ledger: Ledger) -> None:
    stored = store.get(ledger.build_uri(5))
    assert stored is not None
    store.put(ledger.build_uri(5), stored.replace(b"the reason of", b"another reason of"))
    (fault,) = read_all(store, "flights").faults
    assert fault.startswith("entry 5 is not the one that entry 6 was chained to")
    assert read(store, "flights", 6, 6).faults == (fault,)


def test_an_entry_that_is_rubbish_or_stands_in_anothers_place_is_named(store: ObjectStore, ledger: Ledger) -> None:
    other = store.get(ledger.build_uri(9))
    assert other is not None
    store.put(ledger.build_uri(4), other)
    store.put(ledger.build_uri(20), b"{")
    faults = read_all(store, "flights").faults
    assert "entry 4 says that it is entry 9 of flights: it was edited" in faults
    assert "entry 20 cannot be read: it was edited or cut short" in faults


def test_a_first_entry_that_names_one_before_it_tells_that_the_first_was_taken_out(
    store: ObjectStore, ledger: Ledger
) -> None:
    second = store.get(ledger.build_uri(2))
    assert second is not None
    first = second.replace(b'"number": 2', b'"number": 1').replace(b'"entry": 2', b'"entry": 1')
    store.put(ledger.build_uri(1), first)
    assert "entry 1 names an entry before it: the first one was taken out" in read_all(store, "flights").faults


def test_only_what_was_written_since_is_read_and_the_last_in_any_case(store: ObjectStore, ledger: Ledger) -> None:
    written = {stored.name: stored.modified for stored in store.list_objects(store.build_uri("ledger/flights/"))}
    for since, expected in ((None, 40), (min(written.values()), 40), (max(written.values()) + timedelta(days=1), 1)):
        reading = read_since(store, "flights", since)
        assert len(reading.entries) == expected
        assert reading.last == ledger.load_last()
        assert reading.faults == ()
    assert read_since(store, "shops", None).entries == ()


def test_no_ledger_is_an_empty_one(store: ObjectStore) -> None:
    assert (read_all(store, "flights").entries, read_all(store, "flights").faults) == ((), ())
