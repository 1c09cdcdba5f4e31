"""What `score` publishes, and what it refuses to: one night of the real steps, whose key has every awkward column."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from nightshift import predictions
from nightshift.adapters.s3.manifests import load_manifest
from nightshift.results import Result
from support.lab import NEXT, NIGHT, NIGHTS, ROWS, Lab
from support.published import simplify_type

KEY = ("id", "night", "Prediction", "model_version")


def _rows(lab: Lab, day: date) -> pa.Table:
    """Good rows with 64-bit integers that no float holds, and columns that are called as the platform's own."""
    rows = lab.make_rows(day)
    numbers = range(ROWS)
    return pa.table(
        {
            "id": pa.array([2**53 + 1 + number for number in numbers], pa.int64()),
            "night": pa.array([date(2020, 1, 1) + timedelta(days=number % 3) for number in numbers], pa.date32()),
            "Prediction": pa.array([Decimal(number % 2) / 10 for number in numbers], pa.decimal128(10, 2)),
            "model_version": pa.array(["north", "south"] * (ROWS // 2)),
            "x": rows["x"].to_numpy(),
            "y": rows["y"].to_numpy(),
        }
    )


@pytest.fixture
def awkward(lab: Lab) -> Lab:
    """The lab with such a key in every partition, trained and promoted."""
    facts, scheduled = (replace(dataset, key=KEY) for dataset in (lab.model.facts, lab.model.scheduled))
    lab.model = replace(lab.model, key=KEY, facts=facts, scheduled=scheduled)
    for day in NIGHTS:
        lab.write("facts", day, _rows(lab, day))
    for day in (*NIGHTS, NEXT):
        lab.write("plan", day, _rows(lab, day).drop_columns(["y"]))
    lab.validate_all()
    assert [result.outcome for result in lab.run_night("train", "evaluate", "promote")] == ["done"] * 3
    return lab


def test_scores_are_published_whole_or_not_at_all(awkward: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert awkward.run("score").outcome == "done"
    _require_published(awkward)
    before = _stored(awkward)

    def refused(version: str) -> Result[Any]:
        result = awkward.run("score", code_version=version)  # another code, or what is published would be found again
        assert _stored(awkward) == before, "a refused attempt left something"
        assert not any(name in result.summary for name in ("9007199254740993", "north", "2020-01-01"))
        return result

    for number, (broken, expected) in enumerate(_broken()):
        with monkeypatch.context() as patch:
            patch.setattr("nightshift.modelling.predict.predict", broken)
            result = refused(f"broken-{number}")
        assert (result.outcome, expected in result.summary) == ("bad_config", True), result.summary

    awkward.write("plan", NEXT, _rows(awkward, NEXT).drop_columns(["y"]).slice(0, 5), name="again.parquet")
    awkward.run("validate")
    assert refused("twice").outcome == "rejected"


def _require_published(lab: Lab) -> None:
    """One row per scheduled row, its key as delivered, the platform's columns beside it; DuckDB sees it like that."""
    published = predictions.read("lab", NIGHT)
    delivered = _rows(lab, NEXT).select(list(KEY))
    assert published.select(list(KEY)).to_pylist() == delivered.to_pylist()
    assert [simplify_type(published.schema.field(name).type) for name in KEY] == [
        simplify_type(kind) for kind in delivered.schema.types
    ]
    assert published.column_names == [
        *KEY,
        "nightshift_night",
        "nightshift_prediction",
        "nightshift_model_version",
    ]
    assert predictions.find("lab", NIGHT).columns["prediction"] == "nightshift_prediction"
    reported = duckdb.sql("SELECT max(id), min(prediction), any_value(nightshift_night) FROM published")
    assert reported is not None
    assert reported.fetchall() == [(2**53 + ROWS, Decimal("0.00"), NEXT)]


def _broken() -> list[tuple[Callable[..., Any], str]]:
    """Predictions that may not be published, and what is said of them."""

    def changed(value: float) -> Callable[..., Any]:
        return lambda _estimator, _task, features: np.where(np.arange(len(features)) == 7, value, 0.5)

    return [
        (changed(float("nan")), f"1 of {ROWS} predictions are not finite numbers"),
        (changed(1.5), f"1 of {ROWS} predictions lie outside 0 to 1"),
        (lambda _estimator, _task, features: np.full(len(features) - 1, 0.5), "does not give one prediction per row"),
    ]


def _stored(lab: Lab) -> tuple[list[tuple[str, str]], object]:
    store = lab.store
    listed = [(o.uri, o.etag) for root in ("scores/lab/", "data/") for o in store.list_objects(store.build_uri(root))]
    return listed, load_manifest(store, store.build_uri(f"scores/lab/date={NEXT}/"))
