"""Decides which nights the demo runs, once per home: a second demo runs the same nights."""

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
"""The nights up to yesterday: the nightly schedule continues after them, and the first makes a champion."""
CORRUPTED_DAYS_BEFORE_TODAY = 2
"""The night whose data is a corrupted copy: not the last, to show that the night after it runs again."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """The nights in the order of their runs, and the one whose data is corrupted on purpose."""

    model: str
    nights: tuple[date, ...]
    corrupted: date

    def list_ranges(self) -> list[tuple[date, date]]:
        """Returns the nights as ranges without gaps: one backfill each."""
        return group_consecutive(self.nights)


def group_consecutive(nights: Iterable[date]) -> list[tuple[date, date]]:
    """Returns nights as ranges without gaps, in order."""
    numbered = enumerate(sorted(set(nights)))
    runs = (list(run) for _, run in groupby(numbered, key=lambda pair: pair[1].toordinal() - pair[0]))
    return [(run[0][1], run[-1][1]) for run in runs]


def list_history(plan: Plan, model: Model) -> list[tuple[date, date]]:
    """Returns the earlier nights that training and features of the demo's nights read, as ranges."""
    window = model.window
    first = plan.nights[0] - timedelta(days=window.train_days + window.holdout_days + window.history_days)
    return group_consecutive(night for night in list_days(first, plan.nights[-1]) if night not in plan.nights)


def list_days(first: date, last: date) -> list[date]:
    """Returns every day from `first` to `last`."""
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]


def load_or_make_plan(path: Path, today: date) -> Plan:
    """Returns the plan in `path`. Without one, writes a plan for `today` (UTC) there first."""
    plan = _load_plan(path)
    if plan is None:
        nights = tuple(today - days * ONE_DAY for days in DAYS_BEFORE_TODAY)
        plan = Plan(MODEL, nights, today - CORRUPTED_DAYS_BEFORE_TODAY * ONE_DAY)
        write_private(path, json.dumps(asdict(plan), default=str, indent=1) + "\n")
    return plan


def _load_plan(path: Path) -> Plan | None:
    """Returns the stored plan, or None when it is missing or cannot be read."""
    text = read_text(path)
    if text is None:
        return None
    try:
        stored = json.loads(text)
        nights = tuple(date.fromisoformat(night) for night in stored["nights"])
        return Plan(stored["model"], nights, date.fromisoformat(stored["corrupted"]))
    except (ValueError, KeyError, TypeError):
        return None
