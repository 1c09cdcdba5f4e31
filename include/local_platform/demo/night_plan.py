"""Which nights the demo runs, and how they must end. Decided once per home, so that a second demo finds them again."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from local_platform.files import read_text, write_private
from nightshift.definition import Model

MODEL = "flights"
DAYS_BEFORE_TODAY = (4, 3, 2, 1)
"""The last nights up to yesterday, so that the nightly schedule goes on from there: the first makes a champion."""
PLANTED_DAYS_BEFORE_TODAY = 2
"""The night whose data is a corrupted copy: not the last, so that one sees that the night after it runs again."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """The nights in the order of their runs, and the one whose data is corrupted on purpose."""

    model: str
    nights: tuple[date, ...]
    planted: date

    def ranges(self) -> list[tuple[date, date]]:
        """The nights as ranges without gaps: one backfill each."""
        return consecutive(self.nights)


def consecutive(nights: Iterable[date]) -> list[tuple[date, date]]:
    """Nights as ranges without gaps, in order."""
    numbered = enumerate(sorted(set(nights)))
    runs = (list(run) for _, run in groupby(numbered, key=lambda pair: pair[1].toordinal() - pair[0]))
    return [(run[0][1], run[-1][1]) for run in runs]


def history(plan: Plan, model: Model) -> list[tuple[date, date]]:
    """The nights before and between those of the demo that training and features look back on, as ranges."""
    window = model.window
    first = plan.nights[0] - timedelta(days=window.train_days + window.holdout_days + window.history_days)
    return consecutive(night for night in days(first, plan.nights[-1]) if night not in plan.nights)


def days(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`."""
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]


def remembered(path: Path, today: date) -> Plan:
    """The plan that `path` holds; a new one for `today` (UTC) is written there first when there is none."""
    stored = _stored(path)
    if stored is None:
        nights = tuple(today - days * ONE_DAY for days in DAYS_BEFORE_TODAY)
        stored = Plan(MODEL, nights, today - PLANTED_DAYS_BEFORE_TODAY * ONE_DAY)
        write_private(path, json.dumps(asdict(stored), default=str, indent=1) + "\n")
    return stored


def _stored(path: Path) -> Plan | None:
    """The plan as it is stored; None when there is none, or one that cannot be read any more."""
    text = read_text(path)
    if text is None:
        return None
    try:
        stored = json.loads(text)
        nights = tuple(date.fromisoformat(night) for night in stored["nights"])
        return Plan(stored["model"], nights, date.fromisoformat(stored["planted"]))
    except (ValueError, KeyError, TypeError):
        return None
