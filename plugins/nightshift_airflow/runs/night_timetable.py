"""When a model's runs start, and which runs a backfill makes: those of the nights between its two dates.

Airflow's own timetable compares the instants of a backfill's form with the instants at which intervals begin. But the
form, the command line and the REST API name days, as instants of UTC or of the time zone chosen in the UI. A model
whose days begin at another instant would lose a night at one end.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import DateTime
from pendulum import instance as pendulum_instance

from nightshift_airflow.airflow_upstream import RepairedCron

ONE_DAY = timedelta(days=1)
NOON = timedelta(hours=12)
FIRST_MINUTE, LAST_MINUTE = time(0, 1), time(23, 59)
OFFSET_MINUTES = 15
"""Every time zone's distance from UTC is a multiple of so many minutes."""


class NightTimetable(RepairedCron, CronDataIntervalTimetable):
    """Airflow's timetable of intervals, which reads a range of nights as days of its own time zone, both included.

    `ahead`: how many days after the first day of its interval the night of a run lies; 0 for a nightly model, 6 for a
    weekly one.
    """

    def __init__(self, cron: str, timezone: Any, ahead: int = 0) -> None:
        super().__init__(cron, timezone)
        self.ahead = ahead

    def serialize(self) -> dict[str, Any]:
        """Returns what Airflow stores of the timetable in its database."""
        return {**super().serialize(), "ahead": self.ahead}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "NightTimetable":
        """Returns the timetable that `serialize` described."""
        return cls(data["expression"], data["timezone"], data["ahead"])

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Returns the run after the last one; for a backfill, the next run whose night lies in its range.

        Only a backfill has both an end and `catchup`: no DAG of ours has either.
        """
        if restriction.catchup and restriction.earliest and restriction.latest:
            restriction = self._restrict_to_nights(restriction.earliest, restriction.latest)
        return super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )

    def _restrict_to_nights(self, first: DateTime, last: DateTime) -> TimeRestriction:
        """Returns the instants between which the intervals of the nights from `first` to `last` begin."""
        zone = self.read_zone()
        days = [self._find_first_day(end, zone) for end in (first, last)]
        midnights = [datetime.combine(day, time.min, zone) for day in (days[0], days[1] + ONE_DAY)]
        earliest, after = (pendulum_instance(midnight.astimezone(UTC)) for midnight in midnights)
        return TimeRestriction(earliest, after - timedelta(microseconds=1), catchup=True)

    def _find_first_day(self, end: DateTime, zone: ZoneInfo) -> date:
        """Returns the first day of the interval that one end of a range names.

        The end names an interval by its night, or by the instant at which it begins.
        """
        names_beginning = not _find_edge_day(end, zone) and self.is_firing(end)
        return end.astimezone(zone).date() if names_beginning else find_named_day(end, zone) - self.ahead * ONE_DAY


def find_named_day(instant: datetime, zone: ZoneInfo) -> date:
    """Returns the day that one end of a range names.

    | instant | day |
    |---|---|
    | with an offset of its own | the day as it is written |
    | of UTC, the first or last minute of a day in UTC or in `zone` | that day |
    | of UTC, another full quarter of an hour | the day that begins then in the time zone chosen in the UI |
    | any other | the day in `zone` |
    """
    if instant.utcoffset():
        return instant.date()
    utc = instant.astimezone(UTC)
    return _find_edge_day(instant, zone) or _find_day_in_nearest_zone(utc) or instant.astimezone(zone).date()


def _find_edge_day(instant: datetime, zone: ZoneInfo) -> date | None:
    """Returns the day of which an instant is the first or the last minute, in UTC or in `zone`; None: of no day."""
    for reading in (instant.astimezone(UTC), instant.astimezone(zone)):
        if reading.time() < FIRST_MINUTE or reading.time() >= LAST_MINUTE:
            return reading.date()
    return None


def _find_day_in_nearest_zone(instant: datetime) -> date | None:
    """Returns the day that begins, or ends with its last minute, at an instant of UTC in the nearest time zone.

    None: a day does so in no time zone.
    """
    if instant.minute % OFFSET_MINUTES == 0 and not instant.second:
        return (instant + NOON).date()
    if instant.minute % OFFSET_MINUTES == OFFSET_MINUTES - 1:
        return (instant + timedelta(minutes=1) + NOON).date() - ONE_DAY
    return None
