"""Data Docs in a real S3: the thousandth costs what the first did, twenty at once do not meet, the index pages."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from nightshift.adapters.gx import data_docs, data_docs_index
from nightshift.adapters.gx.data_docs import Entry
from nightshift.adapters.gx.data_docs_index import Wanted
from nightshift.adapters.s3.object_store import ObjectStore
from support.stored_results import make_dataset

NIGHT = date(2013, 2, 9)
EVERYTHING = Wanted()
DATASET = make_dataset(rows=10, expectations=5, failed=1, page="p")


def _entry(night: date = NIGHT, model: str = "flights", number: int = 0, outcome: str = "passed") -> Entry:
    return Entry(
        model=model,
        night=night.isoformat(),
        validation=f"{number:012x}",
        outcome=outcome,
        validated=f"2026-01-01T00:00:{number % 60:02d}+00:00",
        datasets=(DATASET.summarize(),),
    )


def _publish(store: ObjectStore, number: int) -> None:
    folder = data_docs.check_folder("flights", NIGHT, "flights", f"{number:020x}")
    data_docs.publish(store, folder, b"<p>page</p>", replace(DATASET, rows=number))
    data_docs.enter(store, _entry(number=number))


@contextmanager
def _requests(store: ObjectStore) -> Iterator[list[str]]:
    """The requests made to S3 within the block, by the name of the operation."""
    created: list[str] = []

    def note(model: Any, **_: Any) -> None:
        created.append(model.name)

    events = store._requests._client.meta.events
    events.register("before-call.s3", note)
    try:
        yield created
    finally:
        events.unregister("before-call.s3", note)


def test_a_check_is_found_again_once_its_page_is_there(store: ObjectStore) -> None:
    folder = data_docs.check_folder("flights", NIGHT, "flights", "a" * 20)
    assert folder == f"docs/flights/2013-02-09/flights/{'a' * 20}/"
    assert data_docs.find_published(store, folder) is None
    data_docs.publish(store, folder, b"<p>page</p>", DATASET)
    assert data_docs.find_published(store, folder) == DATASET
    assert store.get(store.build_uri(folder + "index.html")) == b"<p>page</p>"


def test_the_same_checks_are_the_same_validation() -> None:
    assert data_docs.build_validation_id(["a", "b"]) == data_docs.build_validation_id(iter(["a", "b"]))
    assert data_docs.build_validation_id(["a", "b"]) != data_docs.build_validation_id(["ab"])


def test_the_thousandth_costs_what_the_first_did(store: ObjectStore) -> None:
    with _requests(store) as first:
        _publish(store, 0)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: data_docs.enter(store, _entry(number=number)), range(1, 1000)))
    with _requests(store) as thousandth:
        _publish(store, 1000)
    assert thousandth == first == ["PutObject"] * 3
    with _requests(store) as looking:
        shown = data_docs_index.list_entries(store, EVERYTHING, None, 50)
    assert len(shown.entries) == 50
    assert looking.count("ListObjectsV2") == 1
    assert looking.count("GetObject") == 50


def test_twenty_publishers_at_once_are_all_listed(store: ObjectStore) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: _publish(store, number), range(20)))
    entries = data_docs_index.list_entries_of_night(store, "flights", NIGHT)
    assert {entry.validation for entry in entries} == {f"{number:012x}" for number in range(20)}


def test_the_newest_night_comes_first_and_within_it_the_latest_validation(store: ObjectStore) -> None:
    for number, days in enumerate((0, 1, 400, 1, -40)):
        data_docs.enter(store, _entry(NIGHT + timedelta(days=days), number=number))
    listed = data_docs_index.list_entries(store, EVERYTHING, None, 50)
    assert [(entry.night, int(entry.validation, 16)) for entry in listed.entries] == [
        ("2014-03-16", 2),
        ("2013-02-10", 3),
        ("2013-02-10", 1),
        ("2013-02-09", 0),
        ("2012-12-31", 4),
    ]
    assert listed.after is None


def test_pages_of_the_index_follow_each_other_without_gap_or_repetition(store: ObjectStore) -> None:
    nights = [NIGHT + timedelta(days=number) for number in range(7)]
    for night in nights:
        data_docs.enter(store, _entry(night))
    observed: list[str] = []
    after: str | None = None
    for size in (3, 3, 1):
        page = data_docs_index.list_entries(store, EVERYTHING, after, 3)
        assert len(page.entries) == size
        observed += [entry.night for entry in page.entries]
        after = page.after
    assert after is None
    assert observed == [night.isoformat() for night in reversed(nights)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), {0, 1, 2, 3}),
        (Wanted(frozenset({"flights"})), {0, 1}),
        (Wanted(frozenset({"shops", "flights"}), "failed"), {1, 3}),
        (Wanted(frozenset()), set()),
        (Wanted(None, "passed"), {0, 2}),
    ],
)
def test_filters_read_only_what_they_show(store: ObjectStore, wanted: Wanted, numbers: set[int]) -> None:
    for number, (model, outcome) in enumerate(
        [("flights", "passed"), ("flights", "failed"), ("shops", "passed"), ("shops", "failed")]
    ):
        data_docs.enter(store, _entry(model=model, number=number, outcome=outcome))
    with _requests(store) as created:
        listed = data_docs_index.list_entries(store, wanted, None, 50)
    assert {int(entry.validation, 16) for entry in listed.entries} == numbers
    assert created.count("GetObject") == len(numbers)


def test_a_model_whose_name_begins_like_another_is_not_mistaken_for_it(store: ObjectStore) -> None:
    data_docs.enter(store, _entry(model="flights"))
    data_docs.enter(store, _entry(model="flights_eu"))
    assert [entry.model for entry in data_docs_index.list_entries_of_night(store, "flights", NIGHT)] == ["flights"]


def test_what_is_no_entry_is_passed_over(store: ObjectStore) -> None:
    data_docs.enter(store, _entry())
    store.put(store.build_uri(data_docs.INDEX + "00000000.flights.zz.passed.json"), b"{}")
    store.put(store.build_uri(data_docs.INDEX + "readme.txt"), b"hello")
    assert len(data_docs_index.list_entries(store, EVERYTHING, None, 50).entries) == 1


def test_an_empty_bucket_lists_nothing(store: ObjectStore) -> None:
    assert data_docs_index.list_entries(store, EVERYTHING, None, 50).entries == ()
    assert data_docs_index.list_entries_of_night(store, "flights", NIGHT) == ()


def test_validated_again_the_entry_is_the_later_one(store: ObjectStore) -> None:
    data_docs.enter(store, _entry(number=7))
    data_docs.enter(store, replace(_entry(number=7), validated="2027-01-01T00:00:00+00:00"))
    (entry,) = data_docs_index.list_entries_of_night(store, "flights", NIGHT)
    assert entry.validated.startswith("2027")
