"""When a model's runs start, and which of them a backfill makes: those of the nights between its two dates.

Airflow's own timetable compares the instants of a backfill's form with the instants at which intervals begin. The form,
the command line and the REST API name days, as instants of UTC or of the zone chosen in the UI, so that a model whose
days begin at another instant lost a night at one end.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import DateTime
from pendulum import instance as pendulum_instance

ONE_DAY = timedelta(days=1)
NOON = timedelta(hours=12)
FIRST_MINUTE, LAST_MINUTE = time(0, 1), time(23, 59)
OFFSETS = 15
"""Minutes of which every zone's distance from UTC is a multiple."""


class NightTimetable(CronDataIntervalTimetable):
    """Airflow's timetable of intervals, with a range of nights read as days of its own time zone, both included.

    `ahead`: how many days after the first day of its interval the night of a run lies; 0 for a nightly model, 6 for a
    weekly one.
    """

    def __init__(self, cron: str, timezone: Any, ahead: int = 0) -> None:
        super().__init__(cron, timezone)
        self.ahead = ahead

    def serialize(self) -> dict[str, Any]:
        """What Airflow keeps of it in its database."""
        return {**super().serialize(), "ahead": self.ahead}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "NightTimetable":
        """The timetable that `serialize` described."""
        return cls(data["expression"], data["timezone"], data["ahead"])

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The run after the last one; of a range that somebody asked for, one whose night lies in it.

        The scheduler never has both an end and `catchup`: no DAG of ours has either.
        """
        if restriction.catchup and restriction.earliest and restriction.latest:
            restriction = self._nights(restriction.earliest, restriction.latest)
        return super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )

    def _nights(self, first: DateTime, last: DateTime) -> TimeRestriction:
        """The instants between which the intervals of the nights from `first` to `last` begin."""
        zone = ZoneInfo(self._timezone.name)
        days = [self._first_day(end, zone) for end in (first, last)]
        midnights = [datetime.combine(day, time.min, zone) for day in (days[0], days[1] + ONE_DAY)]
        earliest, after = (pendulum_instance(midnight.astimezone(UTC)) for midnight in midnights)
        return TimeRestriction(earliest, after - timedelta(microseconds=1), catchup=True)

    def _first_day(self, instant: DateTime, zone: ZoneInfo) -> date:
        """The first day of the interval that one end of a range names, by its night or by the instant it begins."""
        begins_run = not _edge(instant, zone) and self._align_to_next(instant) == instant
        return instant.astimezone(zone).date() if begins_run else day_asked(instant, zone) - self.ahead * ONE_DAY

    def _get_prev(self, current: DateTime) -> DateTime:
        """The last instant before `current` at which the cron line fires.

        Airflow's own returns `current`, or a later instant, where a clock change skips or repeats the hour.
        """
        found, reading = super()._get_prev(current), current
        while found >= current:
            reading = reading.subtract(hours=1)
            found = super()._get_prev(reading)
        return found


def day_asked(instant: datetime, zone: ZoneInfo) -> date:
    """The day that one end of a range names.

    An instant with an offset of its own names the day it is written as. One of UTC names the day that begins or ends
    with it in UTC or in `zone`. Another full quarter of an hour is midnight of the zone chosen in the UI. All else is
    read in `zone`.
    """
    if instant.utcoffset():
        return instant.date()
    utc = instant.astimezone(UTC)
    return _edge(instant, zone) or _day_in_some_zone(utc) or instant.astimezone(zone).date()


def _edge(instant: datetime, zone: ZoneInfo) -> date | None:
    """The day of which an instant is the first or the last minute, in UTC or in `zone`; None: of no day."""
    for reading in (instant.astimezone(UTC), instant.astimezone(zone)):
        if reading.time() < FIRST_MINUTE or reading.time() >= LAST_MINUTE:
            return reading.date()
    return None


def _day_in_some_zone(instant: datetime) -> date | None:
    """The day that begins, or ends with its last minute, at an instant of UTC in the nearest zone; None: in none."""
    if instant.minute % OFFSETS == 0 and not instant.second:
        return (instant + NOON).date()
    if instant.minute % OFFSETS == OFFSETS - 1:
        return (instant + timedelta(minutes=1) + NOON).date() - ONE_DAY
    return None
