"""The lake compares what partitions hold: other objects with the same rows change nothing, other rows do."""

import io
import logging
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import Model
from nightshift.errors import DataRejected, TryLater
from nightshift.lake import table_formats, tables
from nightshift.lake.read_partition import Reading
from nightshift.lake.validated_nights import Lake
from nightshift.result_parts import CheckedDataset
from nightshift.results import ValidateResult
from support.stored_results import make_dataset, make_validation

NIGHT = date(2013, 2, 12)
ONE_DAY = timedelta(days=1)
Validate = Callable[[], Lake]


@pytest.fixture
def validate(store: ObjectStore, model: Model, source: Any) -> Validate:
    """Lands one night and the plan of the next day; validates them with the digests that `validate` makes."""
    tables.write_partition(store, model.facts.build_partition_uri(NIGHT), source.make_sales(NIGHT))
    tables.write_partition(
        store, model.scheduled.build_partition_uri(NIGHT + ONE_DAY), source.make_openings(NIGHT + ONE_DAY)
    )

    def validate() -> Lake:
        days = ((model.facts, NIGHT), (model.scheduled, NIGHT + ONE_DAY))
        entries = [_entry(store, dataset.name, dataset.build_partition_uri(day), day) for dataset, day in days]
        step_results.save(store, make_validation(model.name, NIGHT, entries))
        return Lake(store, model)

    return validate


def _entry(store: ObjectStore, dataset: str, partition: str, day: date) -> CheckedDataset:
    read = Reading(store, partition)
    return make_dataset(dataset, partition=partition, night=day, digest=read.physical, content=read.content)


def rewrite(store: ObjectStore, folder: str, frame: pd.DataFrame, rows_each: int = 100) -> None:
    """Puts the rows into other files, in another order, with narrower integers and dictionaries."""
    store.delete([o.uri for o in store.list_objects(folder)])
    small = frame.sample(frac=1, random_state=3).astype(dict.fromkeys(frame.select_dtypes("int64"), "int32"))
    for number, first in enumerate(range(0, len(small), rows_each)):
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(small.iloc[first : first + rows_each], preserve_index=False), sink)
        store.put(f"{folder}compacted-{number}.parquet", sink.getvalue())


def test_markers_and_a_compaction_change_nothing_and_are_read_once(
    store: ObjectStore, validate: Validate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lake = validate()
    facts, folder = lake.model.facts, lake.model.facts.build_partition_uri(NIGHT)
    inputs = lake.load_content_digests([facts], [NIGHT])
    store.put(folder + "_SUCCESS", b"")
    assert Lake(store, lake.model).list_usable([NIGHT]).nights == (NIGHT,)
    rewrite(store, folder, tables.read(store, folder))
    with caplog.at_level(logging.INFO):
        second = Lake(store, lake.model)
        assert second.list_usable([NIGHT]).nights == (NIGHT,)
    assert second.load_content_digests([facts], [NIGHT]) == inputs
    assert len(second.load_tables(facts, [NIGHT])[NIGHT]) == 240
    assert caplog.text.count("hold the same rows") == 1
    monkeypatch.setattr(store, "get_pinned", _not_asked)
    assert Lake(store, lake.model).load_content_digests([facts], [NIGHT]) == inputs
    assert Reading(store, folder).content == inputs[folder]


def _not_asked(*_: object) -> bytes:
    raise AssertionError("it was read again")


def test_other_rows_have_changed(store: ObjectStore, validate: Validate, source: Any) -> None:
    lake = validate()
    folder, plan = (
        lake.model.facts.build_partition_uri(NIGHT),
        lake.model.scheduled.build_partition_uri(NIGHT + ONE_DAY),
    )
    rewrite(store, folder, source.make_sales(NIGHT).iloc[1:])
    rewrite(store, plan, source.make_openings(NIGHT + ONE_DAY).iloc[1:])
    changed = Lake(store, lake.model)
    assert changed.list_usable([NIGHT]).left_out == ((NIGHT, f"{folder} changed after it was validated"),)
    with pytest.raises(DataRejected, match="its schedule changed after it was validated"):
        changed.require(lake.model.scheduled, NIGHT + ONE_DAY)
    validate()
    assert Lake(store, lake.model).list_usable([NIGHT]).nights == (NIGHT,)


@pytest.mark.parametrize("harm", ["deleted", "cut short"])
def test_what_cannot_be_read_any_more_has_changed(store: ObjectStore, validate: Validate, harm: str) -> None:
    lake = validate()
    (stored,) = store.list_objects(lake.model.facts.build_partition_uri(NIGHT))
    data = store.get(stored.uri) or b""
    store.delete([stored.uri])
    if harm == "cut short":
        store.put(stored.uri, data[:-9])
    reason = f"{lake.model.facts.build_partition_uri(NIGHT)} changed after it was validated"
    assert Lake(store, lake.model).list_usable([NIGHT]).left_out == ((NIGHT, reason),)


def test_a_foreign_object_that_came_later_leaves_the_night_out(store: ObjectStore, validate: Validate) -> None:
    lake = validate()
    store.put(lake.model.facts.build_partition_uri(NIGHT) + "more.csv", b"1,2")
    ((night, reason),) = Lake(store, lake.model).list_usable([NIGHT]).left_out
    assert night == NIGHT
    assert "1 object ending in .csv" in reason


def test_what_was_replaced_after_the_plan_is_not_read(store: ObjectStore, validate: Validate, source: Any) -> None:
    lake = validate()
    assert lake.list_usable([NIGHT]).nights == (NIGHT,)
    tables.write_partition(store, lake.model.facts.build_partition_uri(NIGHT), source.make_sales(NIGHT, noise=9))
    with pytest.raises(TryLater, match="was replaced while it was read"):
        lake.load_tables(lake.model.facts, [NIGHT])


def test_a_table_format_is_asked_for_once_per_dataset(
    store: ObjectStore, validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, real = validate(), table_formats.require_plain
    request: list[str] = []

    def count(store: ObjectStore, folder: str, levels: Sequence[str]) -> None:
        request.append(folder)
        real(store, folder, levels)

    monkeypatch.setattr(table_formats, "require_plain", count)
    lake.load_content_digests([lake.model.facts], [NIGHT - n * ONE_DAY for n in range(20)])
    assert len(request) == 1
    store.put(request[0] + "_delta_log/0.json", b"{}")
    ((_, reason),) = Lake(store, lake.model).list_usable([NIGHT]).left_out
    assert "is part of a Delta table" in reason
    with pytest.raises(DataRejected, match="is part of a Delta table"):
        Reading(store, lake.model.facts.build_partition_uri(NIGHT)).read_rows()


def test_a_dataset_that_is_new_to_the_model_was_not_validated(store: ObjectStore, validate: Validate) -> None:
    lake = validate()
    result = step_results.load(store, lake.model.name, NIGHT, ValidateResult)
    assert result is not None
    assert result.detail is not None
    step_results.save(store, make_validation(lake.model.name, NIGHT, result.detail.datasets[1:]))
    ((_, reason),) = Lake(store, lake.model).list_usable([NIGHT]).left_out
    assert reason.endswith("was not part of its validation: validate the night again")
