"""Which night a run processes: the one it was asked for, else the one its data interval names.

Everything that a person or a program can put into a run's configuration is checked here, before any pod exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nightshift.definition import parse_night
from nightshift.errors import BadConfig

PARAM = "night"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What decides the night: the run's configuration, its interval, and the clock.

    `conf` is as the user sent it. `interval` is the aware instant of the data interval that names the night, None for
    a run without one. `now` is an aware instant. `backfill`: the run is one of many made by one request.
    """

    conf: Mapping[str, Any]
    interval: datetime | None
    now: datetime
    backfill: bool = False


def of(run: Run, timezone: str, *, whole: bool = True) -> date:
    """The night of `run` in `timezone`: a day that is over, or with `whole=False` today at the latest.

    Raises `BadConfig` with one sentence that says what to do.
    """
    night = _asked_for(run) or _of_interval(run, timezone)
    today = run.now.astimezone(ZoneInfo(timezone)).date()
    if night > today or (whole and night == today):
        raise BadConfig(f"night {night} is not over yet (today is {today} in {timezone}): enter an earlier day")
    return night


def _asked_for(run: Run) -> date | None:
    unknown = sorted(str(key)[:40] for key in set(run.conf) - {PARAM})
    if unknown:
        raise BadConfig(f"the run's configuration has unknown keys {unknown[:5]}: the only one is {PARAM!r}")
    night = run.conf.get(PARAM)
    if night is None:
        return None
    if run.backfill:
        raise BadConfig(f"a backfill takes its nights from its dates: leave {PARAM!r} out of its configuration")
    if not isinstance(night, str):
        raise BadConfig(f"{PARAM} must be text such as 2013-02-09, not {type(night).__name__}")
    return parse_night(night)


def _of_interval(run: Run, timezone: str) -> date:
    if run.interval is None:
        raise BadConfig(f"this run has no date: trigger it again and enter {PARAM!r}, for example 2013-02-09")
    return run.interval.astimezone(ZoneInfo(timezone)).date()
