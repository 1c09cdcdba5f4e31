"""Scheduled rows and facts join exactly, are counted, and are refused where nobody could join them."""

import logging
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.errors import DataRejected
from nightshift.lake.stack_nights import stack_frames
from nightshift.modelling.examples import Past
from nightshift.modelling.joins import NightJoin, join
from nightshift.stored_records import to_plain
from support.memory_lake import FIRST, NIGHTS, MemoryLake

BIG = 2**53


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> MemoryLake:
    return MemoryLake(monkeypatch)


def ids(values: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"id": pd.Series(values, dtype=dtype)})


def joined(lake: MemoryLake, scheduled: pd.DataFrame, facts: pd.DataFrame, key: tuple[str, ...] = ("id",)) -> Any:
    return join(replace(lake.model, key=key), FIRST, scheduled, facts)


@pytest.mark.parametrize(
    ("scheduled", "facts", "rows"),
    [
        (ids([BIG], "int64"), ids([BIG + 1, 5], "Int64"), [-1]),
        (ids([BIG + 1], "Int64"), ids([BIG, BIG + 1], "int64"), [1]),
        (ids([2**63 + 5, 1], "uint64"), ids([-1, 1, 2**63 - 1], "int64"), [-1, 1]),
        (ids([2**63 + 5, 2**63 + 6], "uint64"), ids([2**63 + 6, 2**63 + 5], "UInt64"), [1, 0]),
        (ids([1], "int32"), ids([1], "int64"), [0]),
        (ids(["a", "b"], "category"), ids(["b"]), [-1, 0]),
        (ids([b"a"]), ids([b"a"]), [0]),
        (ids([Decimal("1.0")]), ids([Decimal("1.00")]), [0]),
        (ids([True]), ids([False, True], "boolean"), [1]),
        (ids(pd.to_datetime(["2013-01-01"]).as_unit("ms")), ids(pd.to_datetime(["2013-01-01"]).as_unit("ns")), [0]),
        (
            ids(pd.to_datetime(["2013-01-01T00:00"]).tz_localize("UTC")),
            ids(pd.to_datetime(["2013-01-01T01:00"]).tz_localize("Europe/Berlin")),
            [0],
        ),
    ],
)
def test_keys_are_joined_exactly(
    lake: MemoryLake, scheduled: pd.DataFrame, facts: pd.DataFrame, rows: list[int]
) -> None:
    actual = joined(lake, scheduled, facts)
    assert actual.rows.tolist() == rows
    assert actual.counts.matched == sum(row >= 0 for row in rows)


@pytest.mark.parametrize(
    ("scheduled", "facts", "message"),
    [
        (ids(["a"]), ids([1]), "id of 2013-03-01 is str in the schedule and int64 in the facts"),
        (ids([1]), ids([1.0]), "is int64 in the schedule and float64 in the facts"),
        (ids([1]), ids([Decimal(1)]), "whole numbers against decimals"),
        (ids([True]), ids([1]), "is bool in the schedule and int64 in the facts"),
        (ids([b"a"]), ids(["a"]), "bytes against text"),
        (
            ids(pd.to_datetime(["2013-01-01"])),
            ids(pd.to_datetime(["2013-01-01"]).tz_localize("UTC")),
            "timestamps without a time zone against instants with a time zone",
        ),
        (ids([["a"]]), ids([["a"]]), "keys that hold nested values"),
        (ids([{"a": 1}]), ids([{"a": 1}]), "keys that hold nested values"),
    ],
)
def test_keys_of_other_types_are_refused_by_column_and_types(
    lake: MemoryLake, scheduled: pd.DataFrame, facts: pd.DataFrame, message: str
) -> None:
    with pytest.raises(DataRejected, match=message):
        joined(lake, scheduled, facts)


@pytest.mark.parametrize("values", [["a", None], [None, "a"], [1.5, float("nan")], [pd.NaT, pd.Timestamp(0)]])
def test_null_keys_join_nothing_and_are_refused_with_counts(lake: MemoryLake, values: list[Any]) -> None:
    whole = ids([value for value in values if not pd.isna(value)])
    with pytest.raises(DataRejected, match=r"scheduled rows of 2013-03-01 have null keys.* 1 of 2 rows have no id"):
        joined(lake, ids(values), ids(values))
    with pytest.raises(DataRejected, match=r"facts of 2013-03-01 have null keys.* 1 of 2 rows have no id"):
        joined(lake, whole, ids(values))


def test_a_null_beside_a_big_integer_is_refused_and_not_rounded(lake: MemoryLake) -> None:
    with pytest.raises(DataRejected, match="1 of 2 rows have no id"):
        joined(lake, ids([BIG], "int64"), ids([BIG + 1, None], "Int64"))


def test_key_columns_of_any_name_join(lake: MemoryLake) -> None:
    names = ("label", "index", "night", "_merge", "key_0", "position", "x_x")
    rows = pd.DataFrame({name: [1, 2] for name in names})
    assert joined(lake, rows, rows[::-1].reset_index(drop=True), names).rows.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("planned", "delivered", "would"),
    [
        (["shop1", "shop2"], ["shop1 ", "shop2"], {"spaces": 1}),
        (["shop1", "shop2"], ["SHOP1", "Shop2"], {"case": 2}),
        (["Caf\u00e9", "shop2"], ["Cafe\u0301", "shop2"], {"unicode": 1}),
        (["shop1", "shop2"], [" SHOP1", "shop2"], {"all": 1}),
        (["shop1", "shop2"], ["other", "shop2"], {}),
    ],
)
def test_what_would_match_if_text_was_compared_otherwise_is_counted(
    lake: MemoryLake, planned: list[str], delivered: list[str], would: dict[str, int]
) -> None:
    assert dict(joined(lake, ids(planned), ids(delivered)).counts.would_match) == would


def test_a_night_whose_keys_are_padded_is_left_out_by_name_and_with_counts(
    lake: MemoryLake, caplog: pytest.LogCaptureFixture
) -> None:
    lake.facts[NIGHTS[1]] = lake.facts[NIGHTS[1]].assign(id=lambda rows: rows["id"] + " ")
    with caplog.at_level(logging.INFO):
        actual = lake.examples()
    assert actual.nights == (NIGHTS[0], NIGHTS[2])
    [left] = actual.list_left_out()
    assert str(left.night) == "2013-03-02"
    assert "0 of 60 scheduled rows find facts, 60 do not (60 would without the spaces" in left.reason
    assert "min_matched_share of 0.9" in left.reason
    assert [(item.matched, item.unmatched_facts) for item in actual.list_joins()] == [(60, 0), (0, 60), (60, 0)]
    assert "night 2013-03-02: 0 of 60 scheduled rows" in caplog.text
    assert "joined 3 nights: 120 of 180 scheduled rows find facts" in caplog.text
    assert "night 2013-03-01:" not in caplog.text


def test_the_definition_says_how_many_rows_must_match(lake: MemoryLake) -> None:
    half = lake.facts[NIGHTS[1]]["id"].where(lake.facts[NIGHTS[1]].index < 30, lambda ids: ids.str.upper())
    lake.facts[NIGHTS[1]] = lake.facts[NIGHTS[1]].assign(id=half)
    assert lake.examples().nights == (NIGHTS[0], NIGHTS[2])
    lake.model = replace(lake.model, min_matched_share=0.5)
    actual = lake.examples()
    assert actual.nights == NIGHTS
    assert len(actual.labels) == 150
    assert to_plain(actual.joins[1].list_counts()) == {
        "night": "2013-03-02",
        "scheduled": 60,
        "facts": 60,
        "matched": 30,
        "unmatched_scheduled": 30,
        "unmatched_facts": 30,
        "without_label": 0,
        "repeated": 0,
        "would_match": {"case": 30},
    }


def test_nights_without_a_label_or_with_repeated_keys_are_left_out_by_name(lake: MemoryLake) -> None:
    lake.facts[NIGHTS[0]] = lake.facts[NIGHTS[0]].assign(y=np.nan)
    lake.plan[NIGHTS[1]] = pd.concat([lake.plan[NIGHTS[1]], lake.plan[NIGHTS[1]].head(5)], ignore_index=True)
    actual = lake.examples()
    assert actual.nights == (NIGHTS[2],)
    assert [reason for _, reason in actual.left_out] == [
        "none of its rows has a label",
        "5 of its rows repeat a key, so that nobody knows which belong together",
    ]
    assert [(item.without_label, item.repeated) for item in actual.joins] == [(60, 0), (0, 5), (0, 0)]


def test_when_no_night_remains_the_data_is_refused(lake: MemoryLake) -> None:
    for night in NIGHTS:
        lake.facts[night] = lake.facts[night].assign(id=lambda rows: rows["id"].str.upper())
    with pytest.raises(DataRejected, match=r"no night of 2013-03-01 to 2013-03-03 gives a row.*would if letter case"):
        lake.examples()


def test_a_dataset_keeps_its_own_column_night(lake: MemoryLake) -> None:
    lake.look_back(2)
    own = {night: frame.assign(night="theirs") for night, frame in lake.facts.items()}
    observed = Past(lake.model, {"facts": own, "plan": lake.plan}).select_before(NIGHTS[2])
    assert set(observed["facts"]["night"]) == {"theirs"}
    assert sorted(set(observed["facts"]["nightshift_night"])) == [pd.Timestamp(night) for night in NIGHTS[:2]]
    assert sorted(set(observed["plan"]["night"])) == [pd.Timestamp(night) for night in NIGHTS[:2]]


def test_history_is_stacked_exactly_or_refused() -> None:
    signed, unsigned = pd.DataFrame({"a": [BIG + 1]}), pd.DataFrame({"a": pd.Series([2**63 + 1], dtype="uint64")})
    assert stack_frames([signed, unsigned], "facts")["a"].tolist() == [BIG + 1, 2**63 + 1]
    assert (
        stack_frames([signed, pd.DataFrame({"a": pd.Series([None, BIG + 3], dtype="Int64")})], "f")["a"][2] == BIG + 3
    )
    with pytest.raises(DataRejected, match="column a of facts is float64 and int64 by night"):
        stack_frames([signed, pd.DataFrame({"a": [0.5]})], "facts")


def test_a_perfect_night_is_perfect() -> None:
    assert NightJoin(date(2013, 3, 1), 60, 60, 60).perfect
    assert not NightJoin(date(2013, 3, 1), 60, 61, 60).perfect
