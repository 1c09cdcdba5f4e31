"""Which night a run processes: the one it was asked for, else the last day of its data interval.

Everything that a person or a program can put into a run's configuration is checked before any pod exists: here for the
runs of a night, in `nightshift_airflow.runs.run_conf` for the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nightshift.definition import Schedule, parse_night
from nightshift.errors import BadConfig
from nightshift_airflow.runs import run_conf as asked

PARAM = "night"


@dataclass(frozen=True)
class Calendar:
    """A model's days: the IANA time zone in which they are counted, and how many of them one run processes."""

    timezone: str
    days: int = 1

    @staticmethod
    def of(schedule: Schedule) -> "Calendar":
        """The calendar of a model's schedule."""
        return Calendar(schedule.timezone, schedule.days)

    def day(self, instant: datetime) -> date:
        """The day on which an aware instant falls."""
        return instant.astimezone(ZoneInfo(self.timezone)).date()


@dataclass(frozen=True, kw_only=True)
class Run:
    """What decides the night: the run's configuration, its interval, and the clock.

    `conf` is as the user sent it. `interval` is the run's data interval, two aware instants, None for a run without
    one. `now` is an aware instant. `backfill`: the run is one of many made by one request.
    """

    conf: Mapping[str, Any]
    interval: tuple[datetime, datetime] | None
    now: datetime
    backfill: bool = False


def of(run: Run, calendar: Calendar) -> date:
    """The night of `run`: the last of the days that it processes, which is over.

    Raises `BadConfig` with one sentence that says what to do.
    """
    night = _asked_for(run) or _of_interval(run, calendar)
    today = calendar.day(run.now)
    if night >= today:
        raise BadConfig(
            f"night {night} is not over yet (today is {today} in {calendar.timezone}): enter an earlier day"
        )
    return night


def delivered(run: Run, calendar: Calendar) -> date:
    """The day up to which a delivery lands data: the one on which its interval ends, or the one asked for.

    Today at the latest: the day may still be running. Raises `BadConfig`.
    """
    day = _asked_for(run) or calendar.day(_interval(run)[1])
    today = calendar.day(run.now)
    if day > today:
        raise BadConfig(f"night {day} is not over yet (today is {today} in {calendar.timezone}): enter an earlier day")
    return day


def _asked_for(run: Run) -> date | None:
    asked.require_known(run.conf, (PARAM,))
    night = run.conf.get(PARAM)
    if night is None:
        return None
    if run.backfill:
        raise BadConfig(f"a backfill takes its nights from its dates: leave {PARAM!r} out of its configuration")
    if not isinstance(night, str):
        raise BadConfig(f"{PARAM} must be text such as 2013-02-09, not {type(night).__name__}")
    return parse_night(night)


def _interval(run: Run) -> tuple[datetime, datetime]:
    if run.interval is None:
        raise BadConfig(f"this run has no date: trigger it again and enter {PARAM!r}, for example 2013-02-09")
    return run.interval


def _of_interval(run: Run, calendar: Calendar) -> date:
    """The last day of the interval. Days, not hours, are counted: one of 23 or 25 hours is a day as well."""
    first, after = (calendar.day(instant) for instant in _interval(run))
    if after == first:
        raise BadConfig(f"the run's data interval lies within one day, {first}: enter {PARAM!r}, for example {first}")
    if (after - first).days != calendar.days:
        raise BadConfig(
            f"the run's data interval is {(after - first).days} days long ({first} to {after}), and the model's"
            f" schedule says days={calendar.days}: enter {PARAM!r}, or make cron and days in the definition agree"
        )
    return after - timedelta(days=1)
