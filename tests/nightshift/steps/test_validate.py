"""The step `validate` on real nights in a real S3: what it publishes, when, and what it refuses."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import pandas as pd
import pytest

from models.flights import source
from models.flights.definition import MODEL
from nightshift.adapters.gx import data_docs_index, suites
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore, digest_objects
from nightshift.commands import steps as step_commands
from nightshift.context import Context, open_context
from nightshift.core.keys import CHECKS
from nightshift.definition import Model
from nightshift.errors import DataRejected, TryLater
from nightshift.lake import tables
from nightshift.result_parts import CheckedDataset
from nightshift.results import ValidateResult, ValidationFailed
from nightshift.settings import RunSettings, StorageSettings
from nightshift.steps import validate
from nightshift.stored_records import to_plain
from support.stored_results import make_dataset, make_validation

pytestmark = pytest.mark.filterwarnings("ignore:Series.values:Warning")  # Great Expectations with pandas 3
NIGHT = date(2013, 6, 14)
NEXT = NIGHT + timedelta(days=1)
EVERY_DATASET = 1 + len(CHECKS)
"""What is checked of every dataset with a key: that it can be read, and its key."""
Break = Callable[[ObjectStore, Model], None]


@cache
def _record() -> Any:
    return source.load_frames()


@pytest.fixture
def model(bucket: str) -> Model:
    """The flights model over this test's bucket."""

    def moved(dataset: Any) -> Any:
        return replace(dataset, uri=dataset.uri.replace("s3://lake/", f"s3://{bucket}/lake/"))

    context = tuple(moved(dataset) for dataset in MODEL.context)
    return replace(MODEL, facts=moved(MODEL.facts), scheduled=moved(MODEL.scheduled), context=context)


@pytest.fixture
def landed(store: ObjectStore, model: Model) -> Model:
    """The model with the partitions of one night."""
    _land(store, model, NIGHT)
    return model


def _land(store: ObjectStore, model: Model, night: date) -> None:
    for dataset in model.datasets:
        day = night + timedelta(days=1) if dataset is model.scheduled else night
        tables.write_partition(store, dataset.build_partition_uri(day), _record()[dataset.name][day])


def _step(store: ObjectStore, model: Model, night: date = NIGHT, code: str = "test") -> Context:
    return open_context(model, night, store, RunSettings(code_version=code, caused_by="a test"))


def _rejected(store: ObjectStore, model: Model) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        validate.run(_step(store, model))
    return caught.value


def _entry(detail: ValidateResult, name: str = "flights") -> CheckedDataset:
    return next(entry for entry in detail.datasets if entry.dataset == name)


def _page(store: ObjectStore, entry: CheckedDataset) -> str:
    data = store.get(store.build_uri(entry.page))
    assert data is not None
    return data.decode()


def test_a_good_night_passes_and_says_what_was_checked(store: ObjectStore, landed: Model) -> None:
    outcome = validate.run(_step(store, landed))
    assert [(e.dataset, str(e.night), e.failed) for e in outcome.detail.datasets] == [
        ("flights", "2013-06-14", 0),
        ("schedule", "2013-06-15", 0),
        ("weather", "2013-06-14", 0),
    ]
    entry = _entry(outcome.detail)
    assert entry.rows == len(_record()["flights"][NIGHT])
    assert entry.expectations == suites.load("flights").size + EVERY_DATASET
    assert entry.remarks == ()
    assert entry.digest == digest_objects(store.list_objects(landed.facts.build_partition_uri(NIGHT)))
    assert outcome.summary.startswith("3 datasets pass: 82 expectations hold over ")


def test_the_page_names_the_night_and_the_partition(store: ObjectStore, landed: Model) -> None:
    page = _page(store, _entry(validate.run(_step(store, landed)).detail, "schedule"))
    assert "schedule of 2013-06-15" in page
    assert landed.scheduled.build_partition_uri(NEXT) in page
    assert "passed" in page
    assert "<script" not in page
    assert "http" not in page


def _missing(store: ObjectStore, model: Model) -> None:
    store.delete(o.uri for o in store.list_objects(model.facts.build_partition_uri(NIGHT)))


def _empty(store: ObjectStore, model: Model) -> None:
    tables.write_partition(store, model.facts.build_partition_uri(NIGHT), _record()["flights"][NIGHT].head(0))


def _corrupt(store: ObjectStore, model: Model) -> None:
    (actual,) = store.list_objects(model.facts.build_partition_uri(NIGHT))
    store.put(actual.uri, (store.get(actual.uri) or b"")[:-20])


def _lacking(store: ObjectStore, model: Model) -> None:
    frame = _record()["flights"][NIGHT].drop(columns="arr_delay")
    tables.write_partition(store, model.facts.build_partition_uri(NIGHT), frame)


def _retyped(store: ObjectStore, model: Model) -> None:
    frame = _record()["flights"][NIGHT]
    tables.write_partition(
        store, model.facts.build_partition_uri(NIGHT), frame.assign(arr_delay=frame.arr_delay.astype(str))
    )


def _unlabelled(store: ObjectStore, model: Model) -> None:
    frame = _record()["flights"][NIGHT].assign(arr_delay=float("nan"))
    tables.write_partition(store, model.facts.build_partition_uri(NIGHT), frame)


def _doubled(store: ObjectStore, model: Model) -> None:
    frame = _record()["flights"][NIGHT]
    tables.write_partition(store, model.facts.build_partition_uri(NIGHT), pd.concat([frame, frame.head(1)]))


@pytest.mark.parametrize("break_it", [_missing, _empty, _corrupt, _lacking, _retyped, _unlabelled, _doubled])
def test_a_bad_partition_is_rejected_after_its_page_is_published(
    store: ObjectStore, landed: Model, break_it: Break
) -> None:
    break_it(store, landed)
    error = _rejected(store, landed)
    entry = _entry(error.detail)
    assert entry.failed > 0
    assert entry.failures
    assert entry.failures[0].sentence in str(error)
    assert "flights of 2013-06-14 failed" in _page(store, entry)
    assert _entry(error.detail, "weather").failed == 0


@pytest.mark.parametrize(
    ("break_it", "says"), [(_missing, "is missing"), (_empty, "is empty"), (_corrupt, "not a readable Parquet file")]
)
def test_what_cannot_be_read_has_a_page_that_says_what_to_do(
    store: ObjectStore, landed: Model, break_it: Break, says: str
) -> None:
    break_it(store, landed)
    entry = _entry(_rejected(store, landed).detail)
    page = _page(store, entry)
    assert says in page
    assert "What to do" in page
    assert entry.rows == 0
    assert entry.failures[0].expectation == "partition_is_readable"


def test_a_corrupted_copy_is_labelled_everywhere(
    store: ObjectStore, landed: Model, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    frame, altered = source.corrupt(_record()["flights"][NIGHT])
    tables.write_partition(store, landed.facts.build_partition_uri(NIGHT), frame)
    store.put_json(landed.facts.build_partition_uri(NIGHT) + "_CORRUPTED.json", {"altered": altered})
    error = _rejected(store, landed)
    entry = _entry(error.detail)
    assert entry.corrupted is True
    assert _entry(error.detail, "weather").corrupted is False
    assert all(sentence in _page(store, entry) for sentence in altered)
    assert "(corrupted on purpose)" in str(error)
    assert "CORRUPTED" in caplog.text


def test_no_value_of_a_rejected_partition_gets_out(
    store: ObjectStore, landed: Model, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "nightshift")
    frame = _record()["flights"][NIGHT].head(60).astype({"arr_delay": object})
    frame = frame.assign(carrier="Canary ", origin="Canary", dest="canary", arr_delay="Canary")
    frame.loc[frame.index[0], "distance"] = 918273645
    tables.write_partition(store, landed.facts.build_partition_uri(NIGHT), pd.concat([frame, frame.head(2)]))
    assert step_commands.run_step("validate", _step(store, landed)) == 10
    result = step_results.load_any(store, "flights", NIGHT, "validate")
    assert result is not None
    entry = _entry(result.detail)
    assert entry.failed > 8
    output = caplog.text + "".join(capfd.readouterr()) + str(to_plain(result)) + _page(store, entry)
    assert not [secret for secret in ("anary", "918273645", "918,273,645") if secret in output]


@pytest.mark.parametrize(
    ("label", "replay"),
    [(b"{", True), (b"[]", True), (b'{"altered": 1}', True), (b"\xff", True), (b'{"altered": ["Canary"]}', False)],
)
def test_a_label_that_is_not_ours_is_said_and_not_quoted(
    store: ObjectStore, landed: Model, label: bytes, replay: bool
) -> None:
    store.put(landed.facts.build_partition_uri(NIGHT) + "_CORRUPTED.json", label)
    entry = _entry(validate.run(_step(store, replace(_bare(landed), replay=replay))).detail)
    assert entry.corrupted is True
    assert "it is not said what was altered" in _page(store, entry)
    assert "Canary" not in _page(store, entry)


def _listed(store: ObjectStore) -> dict[str, str]:
    return {
        o.uri: f"{o.etag} {o.modified}" for o in store.list_objects(store.build_uri("docs/")) if "_index" not in o.uri
    }


def test_the_same_night_again_finds_its_pages(store: ObjectStore, landed: Model) -> None:
    first = validate.run(_step(store, landed))
    before = _listed(store)
    assert validate.run(_step(store, landed)).detail == first.detail
    assert _listed(store) == before
    assert len(data_docs_index.list_entries_of_night(store, "flights", NIGHT)) == 1


def test_the_same_rows_in_another_order_are_the_same_check(store: ObjectStore, landed: Model) -> None:
    first = _entry(validate.run(_step(store, landed)).detail)
    tables.write_partition(store, landed.facts.build_partition_uri(NIGHT), _record()["flights"][NIGHT].iloc[::-1])
    store.put(landed.facts.build_partition_uri(NIGHT) + "_SUCCESS", b"")
    second = _entry(validate.run(_step(store, landed)).detail)
    assert second.digest != first.digest
    assert replace(second, digest="") == replace(first, digest="")


@pytest.mark.parametrize("changed", ["the code", "the partition"])
def test_what_changed_is_checked_again_and_the_old_page_stays(store: ObjectStore, landed: Model, changed: str) -> None:
    first = _entry(validate.run(_step(store, landed)).detail)
    if changed == "the partition":
        frame = _record()["flights"][NIGHT].iloc[1:]
        tables.write_partition(store, landed.facts.build_partition_uri(NIGHT), frame)
    code = "newer" if changed == "the code" else "test"
    second = _entry(validate.run(_step(store, landed, code=code)).detail)
    assert second.page != first.page
    assert _page(store, first)
    assert _page(store, second)
    assert len(data_docs_index.list_entries_of_night(store, "flights", NIGHT)) == 2


def _passed_before(store: ObjectStore, night: date, rows: int, outcome: str = "done") -> None:
    dataset = make_dataset("flights", night=night, rows=rows)
    step_results.save(store, make_validation("flights", night, [dataset], outcome=outcome))


@pytest.mark.parametrize(
    ("rows", "outcome", "passes"), [(1000, "done", True), (2000, "done", False), (2000, "rejected", True)]
)
def test_the_volume_is_judged_by_recent_nights_that_passed(
    store: ObjectStore, landed: Model, rows: int, outcome: str, passes: bool
) -> None:
    for weeks in range(1, 5):
        _passed_before(store, NIGHT - timedelta(weeks=weeks), rows, outcome)
    if passes:
        assert validate.run(_step(store, landed)).summary
    else:
        assert "must have greater than or equal to 1200" in str(_rejected(store, landed))


def test_the_other_nights_count_when_the_weekday_is_new(store: ObjectStore, landed: Model) -> None:
    for days in (1, 2, 3):
        _passed_before(store, NIGHT - timedelta(days=days), 2000)
    assert "must have greater than or equal to 1200" in str(_rejected(store, landed))


def _bare(model: Model) -> Model:
    return replace(
        model, facts=replace(model.facts, suite=None), scheduled=replace(model.scheduled, suite=None), context=()
    )


def test_a_dataset_without_a_suite_is_read_and_its_key_is_checked(store: ObjectStore, landed: Model) -> None:
    outcome = validate.run(_step(store, _bare(landed)))
    assert outcome.summary.startswith("2 datasets pass: 10 expectations hold over ")
    entry = _entry(outcome.detail)
    assert (entry.suite, entry.expectations, entry.failed) == (None, EVERY_DATASET, 0)
    page = _page(store, entry)
    assert "only what holds for every dataset is checked" in page
    assert "<code>night, carrier, flight, origin</code>" in page


@pytest.mark.parametrize(
    ("break_it", "expectation"), [(_missing, "partition_is_readable"), (_doubled, "key_is_unique")]
)
def test_a_dataset_without_a_suite_is_rejected(
    store: ObjectStore, landed: Model, break_it: Break, expectation: str
) -> None:
    break_it(store, landed)
    with pytest.raises(ValidationFailed) as caught:
        validate.run(_step(store, _bare(landed)))
    entry = _entry(caught.value.detail)
    assert entry.failures[0].expectation == expectation
    assert "flights of 2013-06-14 failed" in _page(store, entry)


def test_a_null_in_a_key_is_rejected_with_counts(store: ObjectStore, landed: Model) -> None:
    frame = _record()["flights"][NIGHT].copy()
    frame.loc[frame.index[:2], "carrier"] = None
    tables.write_partition(store, landed.facts.build_partition_uri(NIGHT), frame)
    error = _rejected(store, landed)
    first = _entry(error.detail).failures[0]
    assert (first.expectation, first.column) == ("key_is_complete", "carrier")
    assert f"2 of {len(frame)} rows have none" in str(error)
    assert f"2 of {len(frame)} rows have none" in _page(store, _entry(error.detail))


def test_facts_and_schedule_without_a_key_have_the_models(store: ObjectStore, landed: Model) -> None:
    bare = _bare(landed)
    keyless = replace(bare, facts=replace(bare.facts, key=()), scheduled=replace(bare.scheduled, key=()))
    _doubled(store, keyless)
    with pytest.raises(DataRejected, match="no two rows may have the same key; 1 of"):
        validate.run(_step(store, keyless))


def test_a_partition_delivered_under_two_names_is_rejected(store: ObjectStore, landed: Model) -> None:
    (actual,) = store.list_objects(landed.scheduled.build_partition_uri(NEXT))
    store.put(actual.uri.replace("part-0", "part-0-again"), store.get(actual.uri) or b"")
    error = _rejected(store, landed)
    failures = _entry(error.detail, "schedule").failures
    assert failures[0].expectation == "key_is_unique"
    assert "was the partition delivered more than once?" in failures[0].sentence


def test_odd_keys_are_said_and_no_failure(store: ObjectStore, landed: Model, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    frame = _record()["flights"][NIGHT].copy()
    frame.loc[frame.index[:1], "carrier"] = "Canary "
    tables.write_partition(store, landed.facts.build_partition_uri(NIGHT), frame)
    entry = _entry(validate.run(_step(store, _bare(landed))).detail)
    assert entry.remarks[0].endswith("rows have a key with spaces before or after it")
    assert entry.remarks[0] in _page(store, entry)
    assert entry.remarks[0] in caplog.text
    assert "Canary" not in _page(store, entry) + caplog.text


def test_storage_that_is_away_is_no_verdict(store: ObjectStore, landed: Model) -> None:
    unreachable = ObjectStore(StorageSettings(endpoint="http://127.0.0.1:9", bucket=store.bucket), retry_seconds=0)
    with pytest.raises(TryLater):
        validate.run(_step(unreachable, landed))


def test_the_command_stores_the_rejection_with_its_details(store: ObjectStore, landed: Model) -> None:
    _doubled(store, landed)
    assert step_commands.run_step("validate", _step(store, landed)) == 10
    result = step_results.load_any(store, "flights", NIGHT, "validate")
    assert result is not None
    assert result.outcome == "rejected"
    assert {failure.expectation for failure in _entry(result.detail).failures} == {
        "key_is_unique",
        "expect_compound_columns_to_be_unique",
    }
