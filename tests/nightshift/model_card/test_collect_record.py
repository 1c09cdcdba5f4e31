"""What a model card takes from which record, from records made by hand in a real S3."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from nightshift.adapters.gx import data_docs
from nightshift.adapters.gx.data_docs import Entry as Validation
from nightshift.adapters.mlflow.version_record import parse
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.manifests import Manifest, build_location
from nightshift.adapters.s3.object_store import ObjectStore, to_json
from nightshift.errors import BadConfig
from nightshift.model_card import stored_record
from nightshift.model_card.collect_record import collect
from nightshift.results import ValidateResult
from nightshift.stored_records import to_plain
from support.stored_results import make_dataset, make_train_result, make_training
from support.version_records import PNG, append, build_entry, build_validation, build_verdict, record, save_result

PAGE = f"docs/flights/2013-02-02/flights/{'0' * 20}/index.html"


def test_a_version_that_no_record_knows_is_none(store: ObjectStore) -> None:
    append(store, build_entry("promotion", 1, 1))
    with pytest.raises(BadConfig, match=r"version 9 of model flights is neither in MLflow nor in the ledger"):
        collect(store, "flights", 9, None)
    with pytest.raises(BadConfig):
        collect(store, "flights", 9, replace(record(9), registered=False))


def test_the_ledger_alone_tells_its_part(store: ObjectStore) -> None:
    append(store, build_entry("promotion", 1, 1), build_entry("promotion", 2, 2, previous=1, verdict=build_verdict()))
    card = collect(store, "flights", 2, None)
    assert (card.state, card.night) == ("champion", "2013-02-02")
    assert card.evaluated is not None
    assert card.evaluated.verdict.gain == 0.025
    assert card.evaluated_from == "entry 2 of the ledger"
    assert card.origin.run_id == f"{2:032x}"
    assert (card.metrics, card.pictures, card.data.train_nights) == ({}, (), ())
    assert card.data.compared_nights == ("2013-02-01", "2013-02-02")
    assert any("no run of this version is on record" in note for note in card.notes)
    assert [partition.judged for partition in card.data.partitions] == ["d2"]


def test_results_of_the_night_stand_in_for_a_run_that_is_gone_if_they_are_about_this_version(
    store: ObjectStore,
) -> None:
    append(store, build_entry("promotion", 1, 1), build_entry("promotion", 2, 2, previous=1))
    trained = make_train_result(2, rows=99, metrics={"brier": 0.1})
    save_result(store, date(2013, 2, 2), trained)
    save_result(store, date(2013, 2, 2), build_verdict())
    card = collect(store, "flights", 2, None)
    assert (card.data.rows, card.metrics) == (99, {"brier": 0.1})
    assert card.evaluated_from.startswith("the result of evaluate")
    save_result(store, date(2013, 2, 2), replace(trained, version=3))
    save_result(store, date(2013, 2, 2), build_verdict(challenger_version=3))
    other = collect(store, "flights", 2, None)
    assert (other.data.rows, other.metrics, other.evaluated) == (None, {}, None)


def test_the_verdict_that_was_acted_upon_goes_before_one_that_was_stored_later(store: ObjectStore) -> None:
    append(store, build_entry("refusal", 2, None, verdict=build_verdict(promote=False, rows=11)))
    later = record()
    assert later.run is not None
    stored = {**later.run.documents, "verdict.json": to_plain(build_verdict(rows=22))}
    card = collect(store, "flights", 2, replace(later, run=replace(later.run, documents=stored)))
    assert card.evaluated is not None
    assert card.evaluated.rows == 11
    undecided = collect(store, "shops", 2, replace(later, run=replace(later.run, documents=stored)))
    assert undecided.evaluated is not None
    assert (undecided.evaluated.rows, undecided.state) == (22, "judged")


def test_each_partition_has_its_digest_its_use_and_its_validation(store: ObjectStore) -> None:
    append(
        store,
        build_entry("promotion", 2, 2, verdict=build_verdict(inputs={"s3://lake/flights/date=2013-02-02/": "other"})),
    )
    build_validation(store, date(2013, 2, 2), "d2", page=PAGE)
    build_validation(store, date(2013, 2, 1), "dX", failed=3)
    card = collect(store, "flights", 2, record())
    last = {partition.date: partition for partition in card.data.partitions}
    assert [(partition.dataset, partition.digest) for partition in card.data.partitions] == [
        ("flights", "d0"),
        ("flights", "d1"),
        ("flights", "d1"),
        ("flights", "d2"),
    ]
    check = last["2013-02-02"].check
    assert check is not None
    assert (check.rows, check.expectations, check.failed, check.page, check.same) == (842, 26, 0, PAGE, True)
    assert (last["2013-02-02"].judged, last["2013-02-02"].changed) == ("other", True)
    # What was read is not what was validated: that is said, not hidden.
    other = last["2013-02-01"].check
    assert other is not None
    assert (other.same, other.failed) == (False, 3)
    assert last["2013-01-30"].check is None
    assert card.data.left_out == (("2013-01-29", "it was never validated"),)


def test_the_partitions_of_a_weekly_model_were_checked_by_the_week_before(store: ObjectStore) -> None:
    append(store, build_entry("promotion", 2, 2))
    weekly = record()
    assert weekly.run is not None
    nights = {"train_nights": (date(2013, 1, 13), date(2013, 1, 20)), "holdout_nights": (date(2013, 1, 27),)}
    trained = to_plain(make_training(**nights))
    inputs = {"s3://lake/flights/date=2013-01-27/": "d7"}
    run = replace(weekly.run, documents={"train.json": trained, "inputs.json": inputs})
    night = date(2013, 1, 27)
    checked = make_dataset(night=night, partition=f"s3://lake/flights/date={night}/", content="d7", rows=7)
    save_result(store, date(2013, 1, 20), ValidateResult(datasets=(checked,)))
    (partition,) = collect(store, "flights", 2, replace(weekly, run=run)).data.partitions
    assert partition.check is not None
    assert (partition.check.rows, partition.check.same) == (7, True)


def test_a_validation_that_was_replaced_is_found_in_the_index_by_its_digest(store: ObjectStore) -> None:
    append(store, build_entry("promotion", 2, 2))
    night = date(2013, 2, 2)
    read = build_validation(store, night, "d2", page=PAGE)
    earlier = Validation(
        model="flights",
        night=night.isoformat(),
        validation="abc",
        outcome="passed",
        validated="x",
        datasets=(read.summarize(),),
    )
    data_docs.enter(store, earlier)
    build_validation(store, night, "new", failed=5)
    card = collect(store, "flights", 2, record())
    check = next(partition.check for partition in card.data.partitions if partition.date == "2013-02-02")
    assert check is not None
    assert (check.same, check.failed, check.page) == (True, 0, PAGE)


def _published(store: ObjectStore, day: str, version: int, **meta: Any) -> None:
    folder = store.build_uri(f"scores/flights/date={day}/")
    created = Manifest(
        attempt=f"a{version}", files=("x",), rows=700 + version, published=f"2013-03-{version:02d}T07:00:00+00:00",
        meta={"version": version, **meta},
    )  # fmt: skip
    store.put(build_location(folder), created.to_json())


def test_what_it_scored_and_what_was_scored_again_since(store: ObjectStore) -> None:
    append(store, build_entry("promotion", 2, 2))
    before = {"version": 2, "published": "2013-03-02T07:00:00+00:00", "rows": 640, "attempt": "old"}
    _published(store, "2013-02-03", 2)
    _published(store, "2013-02-04", 5, before=[{**before, "version": 4}, before])
    _published(store, "2013-02-05", 5)
    store.put(store.build_uri("scores/flights/date=2013-02-06/_MANIFEST.json"), b"{")
    card = collect(store, "flights", 2, None)
    stands, redone = card.scored
    assert (stands.night, stands.rows, stands.attempt, stands.replaced_by) == ("2013-02-03", 702, "a2", None)
    assert (redone.night, redone.rows, redone.attempt, redone.replaced_by) == ("2013-02-04", 640, "old", 5)
    assert redone.replaced == "2013-03-05T07:00:00+00:00"
    assert any("date=2013-02-06/_MANIFEST.json is unreadable" in note for note in card.notes)


def test_what_was_decided_and_published_before_it_was_made_is_not_read(store: ObjectStore) -> None:
    append(store, *(build_entry("promotion", number, number) for number in (1, 2, 3)))
    store.put(Ledger(store, "flights").build_uri(1), b"{")
    _published(store, "2013-02-03", 2)
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    card = collect(store, "flights", 2, record(champion=3, created=tomorrow, read=tomorrow))
    assert (card.notes, card.decisions, card.scored) == ((), (), ())
    assert card.state == "registered"
    yesterday = (datetime.now(UTC) - timedelta(hours=23)).isoformat()
    card = collect(store, "flights", 2, record(champion=3, created=yesterday, read=tomorrow))
    assert (len(card.periods), len(card.scored)) == (1, 1)


def test_an_alias_that_names_another_than_the_ledger_is_said(store: ObjectStore) -> None:
    append(store, build_entry("promotion", 1, 1), build_entry("promotion", 2, 2, previous=1))
    assert not [note for note in collect(store, "flights", 2, record(champion=2)).notes if "alias" in note]
    (note,) = (note for note in collect(store, "flights", 2, record(champion=1)).notes if "alias" in note)
    assert "named version 1" in note
    assert "the ledger has version 2 as champion" in note
    old = record(champion=1, read="2013-03-01T00:00:00+00:00")
    assert not [note for note in collect(store, "flights", 2, old).notes if "alias" in note]


def test_a_ledger_that_was_tampered_with_is_said_in_the_make_card(store: ObjectStore) -> None:
    append(store, *(build_entry("promotion", number, number) for number in (1, 2, 3)))
    store.delete([Ledger(store, "flights").build_uri(2)])
    card = collect(store, "flights", 1, None)
    assert "entry 2 is missing" in card.notes


def test_a_record_is_kept_and_read_back_whole(store: ObjectStore) -> None:
    created = record()
    stored_record.keep(store, created, {"roc.png": PNG})
    assert stored_record.find_record(store, "flights", 2) == created
    assert stored_record.find_picture(store, "flights", 2, "roc.png") == PNG
    assert stored_record.find_picture(store, "flights", 2, "../../record.json") is None
    assert stored_record.find_record(store, "flights", 3) is None
    assert parse(to_plain(replace(created, run=None))) == replace(created, run=None)
    store.put(store.build_uri("model-cards/flights/2/record.json"), to_json({"model": "flights"}))
    with pytest.raises(BadConfig, match="publish its card again"):
        stored_record.find_record(store, "flights", 2)
