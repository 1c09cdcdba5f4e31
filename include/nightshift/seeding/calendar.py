"""Which day of the record a night replays. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from nightshift.errors import BadConfig

Dates = Literal["shifted", "original"]
WEEK = 7


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A record of consecutive days laid over the calendar, `shift_days` later than it happened.

    `cycle_days`: after so many days, a multiple of 7, the record starts again, which keeps the weekdays; None: it ends.
    """

    first: date
    last: date
    dates: Dates
    shift_days: int = 0
    cycle_days: int | None = None

    @property
    def begins(self) -> date:
        """The first night of the replay."""
        return self.first + timedelta(days=self.shift_days)

    def find_source_day(self, night: date) -> date | None:
        """The day of the record that `night` replays, or None outside of the replay."""
        index = (night - self.begins).days
        if index < 0:
            return None
        day = self.first + timedelta(days=index % self.cycle_days if self.cycle_days else index)
        return day if day <= self.last else None

    def to_dict(self) -> dict[str, Any]:
        """The replay as plain JSON types."""
        return {
            "dates": self.dates,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "shift_days": self.shift_days,
            "cycle_days": self.cycle_days,
        }


def build_original(first: date, last: date) -> Replay:
    """The record on its own dates."""
    return Replay(first=first, last=last, dates="original")


def build_shifted(first: date, last: date, yesterday: date) -> Replay:
    """The record moved by the whole weeks that bring its last day to `yesterday` or up to six days after it."""
    shift = -(-(yesterday - last).days // WEEK) * WEEK
    cycle = ((last - first).days + 1) // WEEK * WEEK
    return Replay(first=first, last=last, dates="shifted", shift_days=shift, cycle_days=cycle)


def parse(fields: dict[str, Any], where: str) -> Replay:
    """A stored replay. Raises `BadConfig` naming `where` when it is none."""
    try:
        days = {name: date.fromisoformat(fields[name]) for name in ("first", "last")}
        return Replay(**{**fields, **days})
    except (KeyError, TypeError, ValueError) as error:
        raise BadConfig(f"{where} does not describe a replay: remove it and the partitions beside it") from error
