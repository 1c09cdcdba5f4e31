"""Which nights a run learns from, is compared on, and may look back on: arithmetic on dates, nothing else."""

from datetime import date, timedelta

from nightshift.definition import Window

ONE_DAY = timedelta(days=1)


def days(first: date, last: date) -> tuple[date, ...]:
    """Every day from `first` to `last`, both included; empty when `last` is before `first`."""
    return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


def holdout(night: date, window: Window) -> tuple[date, ...]:
    """The nights that a challenger of `night` is compared on: [night − holdout_days + 1, night]."""
    return days(night - timedelta(days=window.holdout_days - 1), night)


def training(night: date, window: Window) -> tuple[date, ...]:
    """The nights that a challenger of `night` learns from: the `train_days` nights before its holdout."""
    last = night - timedelta(days=window.holdout_days)
    return days(last - timedelta(days=window.train_days - 1), last)


def history(day: date, window: Window) -> tuple[date, ...]:
    """The nights that features of `day` may look back on: [day − history_days, day − 1]."""
    return days(day - timedelta(days=window.history_days), day - ONE_DAY)


def reach(wanted: tuple[date, ...], window: Window) -> tuple[date, ...]:
    """The nights that must be read to make examples of `wanted`: those days, and what their features look back on."""
    return days(min(wanted) - timedelta(days=window.history_days), max(wanted))
