"""Finds the night that a run processes: the one that it asks for, else the last day of its data interval.

Everything that a person or a program can write into a run's configuration is checked before any pod exists: here for
the runs of a night, in `run_conf` for the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nightshift.definition import Schedule, parse_night
from nightshift.errors import BadConfig
from nightshift_airflow.runs.run_conf import require_known_keys
from nightshift_airflow.runs.triggered_by import BACKFILL, read_conf

PARAM = "night"


@dataclass(frozen=True)
class Calendar:
    """A model's days: the IANA time zone in which they are counted, and how many of them one run processes."""

    timezone: str
    days: int = 1

    @staticmethod
    def build_from_schedule(schedule: Schedule) -> "Calendar":
        """Returns the calendar of a model's schedule."""
        return Calendar(schedule.timezone, schedule.days)

    def find_day(self, instant: datetime) -> date:
        """Returns the day of an aware instant."""
        return instant.astimezone(ZoneInfo(self.timezone)).date()


@dataclass(frozen=True, kw_only=True)
class Run:
    """What decides the night: the run's configuration, its interval, and the clock.

    `conf` is as the user sent it. `interval` is the run's data interval, two aware instants, None for a run without
    one. `now` is an aware instant. `backfill`: the run is one of many that one request made.
    """

    conf: Mapping[str, Any]
    interval: tuple[datetime, datetime] | None
    now: datetime
    backfill: bool = False


def read_run(context: Mapping[str, Any]) -> Run:
    """Returns the part of a task's context that decides the night."""
    run = context["dag_run"]
    begins, ends = context.get("data_interval_start"), context.get("data_interval_end")
    return Run(
        conf=read_conf(run),
        interval=(begins, ends) if begins and ends else None,
        now=datetime.now(UTC),
        backfill=run.run_type == BACKFILL,
    )


def find_night(run: Run, calendar: Calendar) -> date:
    """Returns the night of `run`: the last of the days that it processes, which must be over.

    Raises `BadConfig` with one sentence that says what to do.
    """
    night = _read_requested_night(run) or _read_interval_night(run, calendar)
    today = calendar.find_day(run.now)
    if night >= today:
        raise BadConfig(
            f"night {night} is not over yet (today is {today} in {calendar.timezone}): enter an earlier day"
        )
    return night


def find_delivery_day(run: Run, calendar: Calendar) -> date:
    """Returns the day up to which a delivery lands data: the one that is asked for, or the end of the run's interval.

    Today at the latest, which need not be over. Raises `BadConfig`.
    """
    day = _read_requested_night(run) or calendar.find_day(_require_interval(run)[1])
    today = calendar.find_day(run.now)
    if day > today:
        raise BadConfig(f"night {day} is not over yet (today is {today} in {calendar.timezone}): enter an earlier day")
    return day


def _read_requested_night(run: Run) -> date | None:
    require_known_keys(run.conf, (PARAM,))
    night = run.conf.get(PARAM)
    if night is None:
        return None
    if run.backfill:
        raise BadConfig(f"a backfill takes its nights from its dates: leave {PARAM!r} out of its configuration")
    if not isinstance(night, str):
        raise BadConfig(f"{PARAM} must be text such as 2013-02-09, not {type(night).__name__}")
    return parse_night(night)


def _require_interval(run: Run) -> tuple[datetime, datetime]:
    if run.interval is None:
        raise BadConfig(f"this run has no date: trigger it again and enter {PARAM!r}, for example 2013-02-09")
    return run.interval


def _read_interval_night(run: Run, calendar: Calendar) -> date:
    """Returns the last day of the interval. Days are counted, not hours: a day may have 23 or 25 hours."""
    first, after = (calendar.find_day(instant) for instant in _require_interval(run))
    if after == first:
        raise BadConfig(f"the run's data interval lies within one day, {first}: enter {PARAM!r}, for example {first}")
    if (after - first).days != calendar.days:
        raise BadConfig(
            f"the run's data interval is {(after - first).days} days long ({first} to {after}), and the model's"
            f" schedule says days={calendar.days}: enter {PARAM!r}, or make cron and days in the definition agree"
        )
    return after - timedelta(days=1)
