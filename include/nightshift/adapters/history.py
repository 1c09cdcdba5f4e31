"""What earlier validations found, from their results."""

from collections.abc import Iterable
from datetime import date, timedelta

from nightshift.adapters import results
from nightshift.adapters.storage import ObjectStore
from nightshift.core.volume import LOOKBACK_DAYS, weekday_nights

Rows = dict[str, dict[date, int]]
ENOUGH = 2


def recent_rows(store: ObjectStore, model: str, night: date) -> Rows:
    """Rows of the partitions that passed validation recently: by dataset, then by the partition's date.

    The same weekdays first; the other nights of the last four weeks are read only when these are too few.
    """
    same = weekday_nights(night)
    rows, passed = _rows(store, model, same)
    if passed >= ENOUGH:
        return rows
    others = (night - timedelta(days=days) for days in range(1, LOOKBACK_DAYS + 1))
    more, _ = _rows(store, model, (other for other in others if other not in same))
    return {name: {**rows.get(name, {}), **counts} for name, counts in more.items()} or rows


def _rows(store: ObjectStore, model: str, nights: Iterable[date]) -> tuple[Rows, int]:
    rows: Rows = {}
    passed = 0
    for night in nights:
        result = results.load(store, model, night, "validate")
        if result is None or result.outcome != "done":
            continue
        passed += 1
        for entry in result.detail["datasets"]:
            rows.setdefault(entry["dataset"], {})[date.fromisoformat(entry["night"])] = entry["rows"]
    return rows, passed
