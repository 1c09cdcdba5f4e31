"""Published predictions as their users read them, from a real S3."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from multiprocessing import get_context

import polars
import pyarrow as pa
import pytest

from nightshift import predictions
from nightshift.adapters.s3.manifests import load_manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig, DataRejected, TryLater
from support.published import NIGHT, publish_predictions


def test_the_rows_are_read_with_the_types_that_were_delivered(store: ObjectStore) -> None:
    publish_predictions(store, 0.5, version=3)
    table = predictions.read("flights", NIGHT)
    assert table.schema == pa.schema(
        [("id", pa.int64()), ("night", pa.date32()), ("prediction", pa.float64()), ("model_version", pa.int64())]
    )
    assert table.to_pylist() == [
        {"id": key, "night": date(2013, 2, 10), "prediction": 0.5, "model_version": 3} for key in (2**53, 2**53 + 1)
    ]


@pytest.mark.parametrize("night", ["2013-02-09", date(2013, 2, 9), datetime(2013, 2, 9, 23, 30, tzinfo=UTC)])
def test_a_night_is_text_or_a_date(store: ObjectStore, night: date | str) -> None:
    ours = publish_predictions(store, 0.5)
    assert predictions.uris("flights", night) == [store.build_uri(key) for key in ours.files]


def test_what_is_published_is_described(store: ObjectStore) -> None:
    ours = publish_predictions(store, 0.5, version=3)
    actual = predictions.find("flights", NIGHT)
    assert (actual.model, actual.night, actual.day) == ("flights", NIGHT, date(2013, 2, 10))
    assert (actual.version, actual.rows, actual.published) == (3, 2, ours.published)
    assert actual.columns == {
        "key": ["id"],
        "night": "night",
        "prediction": "prediction",
        "model_version": "model_version",
    }
    assert actual.manifest == store.build_uri("scores/flights/date=2013-02-10/_MANIFEST.json")


def test_of_a_weekly_model_the_night_that_scored_is_found_without_its_definition(store: ObjectStore) -> None:
    for night in (date(2013, 2, 3), date(2013, 2, 10)):
        publish_predictions(store, 0.5, model="nobody_defined_this", night=night, days=7)
    assert predictions.find("nobody_defined_this", date(2013, 2, 3)).day == date(2013, 2, 10)
    assert predictions.find("nobody_defined_this", "2013-02-10").day == date(2013, 2, 17)
    for none in ("2013-02-02", "2013-02-04", "2013-02-17"):
        with pytest.raises(DataRejected, match="no predictions"):
            predictions.find("nobody_defined_this", none)


def test_what_is_not_published_is_said_with_the_remedy(store: ObjectStore) -> None:
    publish_predictions(store, 0.5)
    with pytest.raises(DataRejected, match="`nightshift score flights 2013-02-10` publishes them") as caught:
        predictions.read("flights", "2013-02-10")  # the day that was scored, and no run's night
    assert "date=2013-02-10 was made by an earlier night" in str(caught.value)


@pytest.mark.parametrize(("model", "night"), [("Flights/..", "2013-02-09"), ("flights", "9.2.2013")])
def test_what_names_nothing_is_refused(store: ObjectStore, model: str, night: str) -> None:
    assert store.bucket
    with pytest.raises(BadConfig):
        predictions.read(model, night)


def test_a_store_that_does_not_answer_is_tried_later(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.bucket
    monkeypatch.setenv("NIGHTSHIFT_S3_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "0")
    with pytest.raises(TryLater):
        predictions.uris("flights", NIGHT)


def test_files_that_were_replaced_stay_readable_whole(store: ObjectStore, s3: dict[str, str]) -> None:
    publish_predictions(store, 0.1)
    early = predictions.uris("flights", NIGHT)
    for value in (0.2, 0.3, 0.4):
        publish_predictions(store, value)
    assert set(_polars(early, s3)["prediction"]) == {0.1}
    assert set(_polars(predictions.uris("flights", NIGHT), s3)["prediction"]) == {0.4}


def test_a_republication_between_manifest_and_files_gives_one_publication(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_predictions(store, 0.1)
    monkeypatch.setattr(predictions, "_store", lambda: _Republishing(store))
    assert predictions.read("flights", NIGHT)["prediction"].to_pylist() in ([0.1, 0.1], [0.2, 0.2])


def test_a_reader_that_was_away_for_weeks_follows_the_newer_manifest(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_predictions(store, 0.1)
    monkeypatch.setattr(predictions, "_store", lambda: _Republishing(store, swept=True))
    assert predictions.read("flights", NIGHT)["prediction"].to_pylist() == [0.2, 0.2]


class _Republishing:
    """A store in which the day is published again as soon as somebody has read its manifest."""

    def __init__(self, store: ObjectStore, *, swept: bool = False) -> None:
        self._store, self._swept, self._left = store, swept, 2  # `find` reads it, and then `read_table`

    def get_tagged(self, uri: str) -> tuple[bytes, str] | None:
        tagged = self._store.get_tagged(uri)
        if uri.endswith("_MANIFEST.json"):
            self._left -= 1
            if not self._left:
                old = load_manifest(self._store, uri.removesuffix("_MANIFEST.json"))
                publish_predictions(self._store, 0.2)
                if self._swept and old:
                    self._store.delete(old.list_uris(uri))
        return tagged

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


@pytest.mark.parametrize("pattern", ["scores/**/*.parquet", "scores/flights/*/*.parquet"])
def test_a_glob_over_the_public_prefix_finds_nothing_rather_than_twice(
    store: ObjectStore, s3: dict[str, str], pattern: str
) -> None:
    publish_predictions(store, 0.1)
    publish_predictions(store, 0.2)
    with pytest.raises(polars.exceptions.ComputeError, match="expanded paths were empty"):
        _polars([store.build_uri(pattern)], s3)


def test_files_read_as_what_they_are_whatever_their_paths_say(store: ObjectStore, s3: dict[str, str]) -> None:
    """Readers make a column of each `name=value` of a path: it would take the place of a key of that name."""
    days = pa.table({"date": pa.array([1, 2]), "attempt": pa.array(["a", "b"])})
    publish_predictions(store, 0.1, keys=days)
    actual = _polars(predictions.uris("flights", NIGHT), s3, hive_partitioning=True)
    assert actual.columns == ["date", "attempt", "night", "prediction", "model_version"]
    assert actual["date"].to_list() == [1, 2]


def test_asking_for_uris_imports_nothing_heavy() -> None:
    code = "import nightshift.predictions, nightshift.commands.predictions, sys; print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pandas", "pyarrow", "numpy", "sklearn", "mlflow", "great_expectations", "polars", "duckdb"}
    assert not heavy & set(completed.stdout.split())


def _polars(uris: list[str], s3: dict[str, str], *, hive_partitioning: bool | None = None) -> polars.DataFrame:
    """Reads as a consumer does, in a process of its own: polars' threads can stay busy for as long as theirs lives."""
    options = {
        "aws_endpoint_url": s3["NIGHTSHIFT_S3_ENDPOINT"],
        "aws_allow_http": "true",
        "aws_access_key_id": s3["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": s3["AWS_SECRET_ACCESS_KEY"],
        "aws_region": "us-east-1",
    }
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        read = partial(polars.read_parquet, storage_options=options, hive_partitioning=hive_partitioning)
        return other.submit(read, uris).result()
