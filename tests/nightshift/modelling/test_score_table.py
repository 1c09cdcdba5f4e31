"""The table of a day's predictions: keys exactly as delivered, columns that do not collide, and what is refused."""

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import Dataset, Gate, Model, Window
from nightshift.errors import BadConfig, DataRejected
from nightshift.lake import tables
from nightshift.lake.publish_table import Table, publish
from nightshift.modelling import score_table
from support.published import simplify_type

DAY = date(2013, 2, 10)
WHERE = "s3://lake/plan/date=2013-02-10/"
INSTANTS = [datetime(2013, 2, 10, 1, 30, tzinfo=UTC), datetime(2013, 2, 10, 2, 30, 0, 1, tzinfo=UTC)]
KEYS = {
    "int64 beyond a float": pa.array([2**53, 2**53 + 1], pa.int64()),
    "uint64": pa.array([2**64 - 2, 2**64 - 1], pa.uint64()),
    "int8": pa.array([1, 2], pa.int8()),
    "bool": pa.array([True, False]),
    "string": pa.array(["shop1", "shop1 "], pa.string()),
    "large string": pa.array(["a", "A"], pa.large_string()),
    "binary": pa.array([b"\xff", b"\x00"], pa.binary()),
    "decimal": pa.array([Decimal("0.10"), Decimal("9.99")], pa.decimal128(10, 2)),
    "wide decimal": pa.array([Decimal(10**40), Decimal(10**40 + 1)], pa.decimal256(50, 0)),
    "date": pa.array([date(1600, 1, 1), date(9999, 12, 31)], pa.date32()),
    "time": pa.array([time(1, 2, 3), time(1, 2, 4)], pa.time64("us")),
    "naive timestamp": pa.array([datetime(2013, 1, 1), datetime(1, 1, 1)], pa.timestamp("us")),  # noqa: DTZ001
    "zoned timestamp": pa.array(INSTANTS, pa.timestamp("us", "Europe/London")),
    "nanoseconds": pa.array([1, 2], pa.timestamp("ns", "UTC")),
    "dictionary": pa.array(["a", "b"]).dictionary_encode(),
}


def model(*key: str, scheduled: tuple[str, ...] = ()) -> Model:
    def dataset(name: str, own: tuple[str, ...]) -> Dataset:
        return Dataset(name=name, uri=f"s3://lake/{name}/date={{night}}/", key=own)

    return Model(
        name="lab",
        title="Lab",
        task="classification",
        owner="tests",
        docs="A model for tests.",
        facts=dataset("facts", ()),
        scheduled=dataset("plan", scheduled),
        key=key,
        window=Window(train_days=4, holdout_days=4),
        gate=Gate(metric="roc_auc", floor=0.6),
    )


def scored(delivered: pa.Table, *key: str) -> Table:
    keys = score_table.read_delivered_keys(model(*key), delivered, WHERE)
    return score_table.build_scores(keys, DAY, np.linspace(0, 1, keys.num_rows), 3)


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_published_as_it_was_delivered(store: ObjectStore, kind: str) -> None:
    delivered = tables.decode(_parquet(pa.table({"id": KEYS[kind], "x": [1.0, 2.0]})), WHERE)
    partition = store.build_uri("scores/lab/date=2013-02-10/")
    publish(store, partition, scored(delivered, "id"), {}, replacing=None)
    published = tables.read_table(store, partition)
    assert simplify_type(published.schema.field("id").type) == simplify_type(KEYS[kind].type)
    assert published.column("id").to_pylist() == KEYS[kind].to_pylist()
    assert published.column_names == ["id", "night", "prediction", "model_version"]


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_files_with_dictionaries_of_their_own_are_one_key(store: ObjectStore) -> None:
    parts = [pa.table({"id": pa.array(names).dictionary_encode()}) for names in (["a", "b"], ["c", "b2"])]
    partition = store.build_uri("scores/lab/date=2013-02-10/")
    publish(store, partition, scored(pa.concat_tables(parts), "id"), {}, replacing=None)
    assert tables.read_table(store, partition).column("id").to_pylist() == ["a", "b", "c", "b2"]
    with pytest.raises(DataRejected, match="1 of 4 rows"):
        scored(pa.concat_tables([parts[0], pa.table({"id": pa.array(["a", "x"]).dictionary_encode()})]), "id")


@pytest.mark.parametrize(
    ("key", "own"),
    [
        (("id",), ("night", "prediction", "model_version")),
        (("hotel", "night"), ("nightshift_night", "prediction", "model_version")),
        (("Night", "PREDICTION"), ("nightshift_night", "nightshift_prediction", "model_version")),
        (("model_version",), ("night", "prediction", "nightshift_model_version")),
        (("night", "nightshift_night"), ("nightshift_nightshift_night", "prediction", "model_version")),
        (("a.b", "größe", "two words", "x=1"), ("night", "prediction", "model_version")),
    ],
)
def test_no_column_of_the_platform_takes_the_place_of_a_key(key: tuple[str, ...], own: tuple[str, ...]) -> None:
    created = scored(pa.table({name: ["a", "b"] for name in key}), *key)
    assert created.rows.column_names == [*key, *own]
    assert created.columns == {"key": list(key), "night": own[0], "prediction": own[1], "model_version": own[2]}
    assert all(created.rows.column(name).to_pylist() == ["a", "b"] for name in key)
    assert created.rows.column(own[0]).to_pylist() == [DAY, DAY]
    assert created.rows.column(own[1]).to_pylist() == [0.0, 1.0]
    assert created.rows.column(own[2]).to_pylist() == [3, 3]


def test_what_the_writer_of_the_schedule_said_of_its_table_is_not_said_of_this_one() -> None:
    written = pa.Table.from_pandas(pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="id")))
    rows = scored(written, "id").rows
    assert rows.schema.metadata is None
    assert rows.to_pandas().columns.tolist() == ["id", "night", "prediction", "model_version"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["canary", "canary", "b"]), "1 of 3 rows"),
        (pa.array([2**53 + 1, 2**53 + 1, 2**53], pa.int64()), "1 of 3 rows"),
        (pa.array(["canary", None, None]), "no value in its key: 2 of 3 rows in id"),
        (pa.array([2**53 + 1, None, 2**53], pa.int64()), "no value in its key: 1 of 3 rows in id"),
        (pa.array([1.0, float("nan"), 2.0]), "no value in its key: 1 of 3 rows in id"),
        (pa.array([["canary"], ["b"], ["c"]]), r"nested values in the key.*id \(list"),
        (pa.array([{"canary": 1}, {"canary": 2}, None]), "nested values in the key"),
    ],
)
def test_keys_that_name_no_row_are_refused_by_counts(column: pa.Array, expected: str) -> None:
    with pytest.raises(DataRejected, match=expected) as caught:
        scored(pa.table({"id": column}), "id")
    assert "'canary'" not in str(caught.value)
    assert WHERE in str(caught.value)


def test_a_key_of_several_columns_may_repeat_in_each_but_not_in_all() -> None:
    both = pa.table({"hotel": ["a", "a", "b"], "room": [1, 2, 1]})
    assert scored(both, "hotel", "room").rows.num_rows == 3
    with pytest.raises(DataRejected, match=r"1 of 3 rows of .* repeat the key \(hotel\)"):
        scored(both, "hotel")


def test_the_key_of_the_scheduled_dataset_is_checked_too() -> None:
    delivered = pa.table({"id": [1, 2], "bed": [7, 7]})
    with pytest.raises(DataRejected, match=r"repeat the key \(bed\)"):
        score_table.read_delivered_keys(model("id", scheduled=("bed",)), delivered, WHERE)


def test_a_key_column_that_is_not_there_or_there_twice_is_named() -> None:
    with pytest.raises(DataRejected, match="not exactly one column of each name of the key: room"):
        scored(pa.table({"hotel": ["a"]}), "hotel", "room")
    with pytest.raises(DataRejected, match="not exactly one column of each name of the key: hotel"):
        scored(pa.table([pa.array([1]), pa.array([2])], names=["hotel", "hotel"]), "hotel")


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        ([0.1, float("nan"), 0.3], "1 of 3 predictions are not finite numbers"),
        ([0.1, float("inf"), float("-inf")], "2 of 3 predictions are not finite numbers"),
        ([0.1, 1.2, -0.1], "2 of 3 predictions lie outside 0 to 1"),
        ([0.1, 0.2], r"3 rows were to be scored and its predictions have the shape \(2,\)"),
        ([0.1, 0.2, 0.3, 0.4], "does not give one prediction per row"),
        ([[0.1], [0.2], [0.3]], r"the shape \(3, 1\)"),
    ],
)
def test_predictions_that_cannot_be_published_are_the_models(predictions: list[Any], expected: str) -> None:
    with pytest.raises(BadConfig, match=expected) as caught:
        score_table.require_sound(np.array(predictions), "classification", 3, "version 3 of model lab")
    assert str(caught.value).startswith("version 3 of model lab ")


def test_a_regression_may_predict_any_finite_number() -> None:
    score_table.require_sound(np.array([-3.0, 1e9]), "regression", 2, "it")
    with pytest.raises(BadConfig, match="1 of 2"):
        score_table.require_sound(np.array([-3.0, float("nan")]), "regression", 2, "it")


@pytest.mark.parametrize(
    "scheduled",
    [{"id": [2, 1], "x": [1.0, 2.0]}, {"id": [1], "x": [1.0]}, {"id": [1, 3], "x": [1.0, 2.0]}],
    ids=["other order", "fewer", "other rows"],
)
def test_features_of_other_rows_than_the_delivered_ones_are_not_published(scheduled: dict[str, Any]) -> None:
    delivered = pa.table({"id": [1, 2], "x": [1.0, 2.0]})
    score_table.require_same_rows(delivered, tables.read_frame(delivered, WHERE), ("id",), WHERE)
    with pytest.raises(DataRejected, match="changed while it was scored: 2 rows were read"):
        score_table.require_same_rows(delivered, pd.DataFrame(scheduled), ("id",), WHERE)
