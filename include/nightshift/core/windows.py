"""Which nights a run learns from, is compared on, and may look back on: arithmetic on dates, nothing else.

A model's nights are `period` apart (`Schedule.period`), counted back from the run's own night. Windows are given in
days, whole periods of them.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

from nightshift.definition import Schedule, Window
from nightshift.errors import BadConfig

ONE_DAY = timedelta(days=1)
WEEKDAYS: Mapping[str, int] = MappingProxyType(
    {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
    | {str(number): number % 7 for number in range(8)}
)
"""The weekdays as a cron line writes them, counted from Sunday."""


def list_days(first: date, last: date, period: timedelta = ONE_DAY) -> tuple[date, ...]:
    """Every `period` from `first` up to `last`, both included; empty when `last` is before `first`."""
    return tuple(first + n * period for n in range((last - first) // period + 1))


def list_holdout(night: date, window: Window, period: timedelta = ONE_DAY) -> tuple[date, ...]:
    """The nights that a challenger of `night` is compared on: those of the `holdout_days` days that end with it."""
    return list_days(night - timedelta(days=window.holdout_days) + period, night, period)


def list_training(night: date, window: Window, period: timedelta = ONE_DAY) -> tuple[date, ...]:
    """The nights that a challenger of `night` learns from: those of the `train_days` days before its holdout."""
    last = night - timedelta(days=window.holdout_days)
    return list_days(last - timedelta(days=window.train_days) + period, last, period)


def list_history(day: date, window: Window, period: timedelta = ONE_DAY) -> tuple[date, ...]:
    """The nights that features of night `day` may look back on: from `history_days` before it to the one before it."""
    return list_days(day - timedelta(days=window.history_days), day - period, period)


def reach(nights: tuple[date, ...], window: Window, period: timedelta = ONE_DAY) -> tuple[date, ...]:
    """The nights that must be read to make examples of `wanted`: those, and what their features look back on."""
    return list_days(min(nights) - timedelta(days=window.history_days), max(nights), period)


def require_night(night: date, schedule: Schedule) -> None:
    """Raises `BadConfig` for a day on which no run of the schedule can end.

    Only a cron line that names one weekday tells: a run is then about the whole weeks that end the day before it. Any
    other day passes, and finds no partition if there is none.
    """
    fires = _find_weekday(schedule.cron)
    if schedule.days % 7 or fires is None:
        return
    off = (night.isoweekday() + 1 - fires) % 7
    if off:
        before, after = night - timedelta(days=off), night + timedelta(days=7 - off)
        raise BadConfig(
            f"{night} is a {night:%A}, and this model's nights are {before:%A}s, the last days of its weeks: "
            f"give {before} or {after}"
        )


def _find_weekday(cron: str) -> int | None:
    """The one weekday that a cron line names, from Sunday; None when it names none, several, or days of the month."""
    day_of_month, _, weekday = cron.split()[2:]
    return WEEKDAYS.get(weekday.lower()) if day_of_month == "*" else None
