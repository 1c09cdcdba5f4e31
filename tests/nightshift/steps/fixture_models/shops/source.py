"""Makes the data of the shops model and lands it: 240 rows a night, 40 shops of which 3 stay closed."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore, digest_objects
from nightshift.definition import Dataset, Model
from nightshift.lake import tables
from support.stored_results import make_dataset, make_validation

SHOPS, HOURS = 40, 6


def make_openings(night: date) -> pd.DataFrame:
    """The plan of a night."""
    generator = np.random.default_rng(night.toordinal())
    shop, hour = (axis.ravel() for axis in np.meshgrid(np.arange(SHOPS), np.arange(HOURS), indexing="ij"))
    region = np.where(shop % 2 == 0, "north", "south")
    return pd.DataFrame({"shop": shop, "hour": hour, "region": region, "stock": generator.integers(1, 50, shop.size)})


def make_sales(night: date, noise: float = 1.0) -> pd.DataFrame:
    """What then happened: small stock and late hours sell out; three shops stay closed."""
    plan = make_openings(night)
    generator = np.random.default_rng(night.toordinal() + 1_000_000)
    score = 0.12 * (22 - plan["stock"]) + 0.4 * (plan["hour"] - 2.5) + generator.normal(0, noise, len(plan))
    return plan[["shop", "hour"]].assign(sold_out=(score > 0).astype("int64"), opened=plan["shop"] >= 3)


def land(store: ObjectStore, model: Model, first: date, last: date) -> None:
    """Lands and validates every night from `first` to `last`, and the plan of the day after."""
    _put(store, model.scheduled, first, make_openings)
    night = first
    while night <= last:
        _put(store, model.facts, night, make_sales)
        _put(store, model.scheduled, night + timedelta(days=1), make_openings)
        save_validation(store, model, night)
        night += timedelta(days=1)


def _put(store: ObjectStore, dataset: Dataset, night: date, make_rows: Callable[[date], pd.DataFrame]) -> None:
    store.put(f"{dataset.build_partition_uri(night)}{tables.PART}", _encode_rows(make_rows, night))


@cache
def _encode_rows(make_rows: Callable[[date], pd.DataFrame], night: date) -> bytes:
    """The rows of a night as a Parquet file: the same for every test."""
    return tables.encode(make_rows(night))


def save_validation(store: ObjectStore, model: Model, night: date, outcome: str = "done", failed: int = 0) -> None:
    """Stores the result that the validation of a night leaves behind."""
    checked = ((model.facts, night), (model.scheduled, night + timedelta(days=1)))
    digests = {day: digest_objects(store.list_objects(dataset.build_partition_uri(day))) for dataset, day in checked}
    entries = [
        make_dataset(
            dataset.name,
            partition=dataset.build_partition_uri(day),
            night=day,
            digest=digests[day],
            content=f"rows of {digests[day]}",
            rows=SHOPS * HOURS,
            failed=failed if dataset is model.facts else 0,
        )
        for dataset, day in checked
    ]
    summary = f"{failed} of 6 expectations failed"
    step_results.save(store, make_validation(model.name, night, entries, outcome=outcome, summary=summary))
