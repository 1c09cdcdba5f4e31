"""Predictions of two rows, published as a step publishes them."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from nightshift.adapters.s3.manifests import Manifest, load_manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.lake.publish_table import publish
from nightshift.modelling.score_table import build_scores

NIGHT = date(2013, 2, 9)
STORAGE = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
"""Types that differ in how Arrow stores them and not in what they say; in a Parquet file they are the same."""
KEYS = pa.table({"id": pa.array([2**53, 2**53 + 1], pa.int64())})


def publish_predictions(
    store: ObjectStore,
    value: float,
    *,
    model: str = "flights",
    night: date = NIGHT,
    days: int = 1,
    version: int = 1,
    keys: pa.Table = KEYS,
) -> Manifest:
    """Publishes one value for every key, over what stands; `days`: the model's period."""
    day = night + timedelta(days=days)
    partition = store.build_uri(f"scores/{model}/date={day}/")
    table = build_scores(keys, day, np.full(keys.num_rows, value), version)
    meta = {"model": model, "version": version, "night": night.isoformat()}
    return publish(store, partition, table, meta, replacing=load_manifest(store, partition))


def simplify_type(kind: pa.DataType) -> pa.DataType:
    """The type without what only says how Arrow stores it."""
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return STORAGE.get(values, values)
