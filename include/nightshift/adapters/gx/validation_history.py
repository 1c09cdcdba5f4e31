"""What earlier validations found, from their results."""

from collections.abc import Iterable
from datetime import date, timedelta

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.volume import LOOKBACK_DAYS, list_similar_nights
from nightshift.definition import Model
from nightshift.results import ValidateResult

Rows = dict[str, dict[date, int]]
ENOUGH = 2


def load_recent_rows(store: ObjectStore, model: Model, night: date) -> Rows:
    """Rows of the partitions that passed validation recently: by dataset, then by the partition's date.

    The same weekdays first; the other nights of the last four weeks are read only when these are too few.
    """
    same = list_similar_nights(night, model.schedule.days)
    rows, passed = _load_rows(store, model.name, same)
    if passed >= ENOUGH:
        return rows
    others = (night - timedelta(days=days) for days in range(model.schedule.days, LOOKBACK_DAYS, model.schedule.days))
    more, _ = _load_rows(store, model.name, (other for other in others if other not in same))
    return {name: {**rows.get(name, {}), **counts} for name, counts in more.items()} or rows


def _load_rows(store: ObjectStore, model: str, nights: Iterable[date]) -> tuple[Rows, int]:
    rows: Rows = {}
    passed = 0
    for night in nights:
        result = step_results.load(store, model, night, ValidateResult)
        if result is None or result.outcome != "done" or result.detail is None:
            continue
        passed += 1
        for entry in result.detail.datasets:
            rows.setdefault(entry.dataset, {})[entry.night] = entry.rows
    return rows, passed
