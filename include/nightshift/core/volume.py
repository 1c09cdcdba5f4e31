"""How many rows a night should have, judged by the recent nights that passed validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

LOOKBACK_DAYS = 28
"""How far back a night counts as recent: four of each weekday."""


@dataclass(frozen=True)
class VolumePolicy:
    """`share`: the lowest and highest share of the usual number of rows; `first`: rows while nothing is usual yet."""

    share: tuple[float, float] = (0.5, 2.0)
    first: tuple[int, int] = (1, 1_000_000_000)


def list_similar_nights(night: date, days: int = 1) -> list[date]:
    """The four nights most like `night`, the latest first: of the same weekday, or the last ones of longer periods.

    `days`: how many days a partition of the model holds.
    """
    apart = timedelta(days=7 if days == 1 else days)
    return [night - number * apart for number in range(1, 5)]


def compute_usual(night: date, rows: Mapping[date, int], days: int = 1) -> float | None:
    """The usual number of rows of such a night: the median of the nights most like it, else of all recent nights.

    `rows` has the counts of validated nights; those outside the last 28 days do not matter, of longer periods than a
    day those before the last four. None: too few to tell.
    """
    alike = list_similar_nights(night, days)
    recent = {day: count for day, count in rows.items() if min(alike) <= day < night}
    same = [recent[day] for day in alike if day in recent]
    if len(same) >= 2:
        return median(same)
    return median(recent.values()) if len(recent) >= 3 else None


def compute_bounds(policy: VolumePolicy, expected: float | None) -> tuple[int, int]:
    """The fewest and most rows that a night may have."""
    if expected is None:
        return policy.first
    return int(expected * policy.share[0]), round(expected * policy.share[1])
