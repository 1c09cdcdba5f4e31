from datetime import date, timedelta

import pytest

from nightshift.core import windows
from nightshift.definition import Schedule, Window
from nightshift.errors import BadConfig

NIGHT = date(2013, 3, 1)
WINDOW = Window(train_days=3, holdout_days=2, history_days=2)


def test_holdout_ends_with_the_night() -> None:
    assert windows.list_holdout(NIGHT, WINDOW) == (date(2013, 2, 28), date(2013, 3, 1))


def test_training_ends_the_day_before_the_holdout_begins() -> None:
    assert windows.list_training(NIGHT, WINDOW) == (date(2013, 2, 25), date(2013, 2, 26), date(2013, 2, 27))


def test_training_and_holdout_never_share_a_night() -> None:
    for holdout_days in (1, 7):
        window = Window(train_days=28, holdout_days=holdout_days)
        assert not set(windows.list_training(NIGHT, window)) & set(windows.list_holdout(NIGHT, window))


def test_an_earlier_champion_was_not_trained_on_a_later_holdout() -> None:
    earlier = date(2013, 2, 28)
    assert not set(windows.list_training(earlier, WINDOW)) & set(windows.list_holdout(NIGHT, WINDOW))


def test_history_ends_the_day_before() -> None:
    assert windows.list_history(NIGHT, WINDOW) == (date(2013, 2, 27), date(2013, 2, 28))
    assert windows.list_history(NIGHT, Window(train_days=1, holdout_days=1)) == ()


def test_reach_covers_the_days_and_what_they_look_back_on() -> None:
    assert windows.reach((date(2013, 3, 3), NIGHT), WINDOW) == windows.list_days(date(2013, 2, 27), date(2013, 3, 3))


def test_days_across_a_leap_day() -> None:
    assert len(windows.list_days(date(2024, 2, 28), date(2024, 3, 1))) == 3
    assert windows.list_days(date(2024, 3, 1), date(2024, 2, 28)) == ()


SUNDAY = date(2013, 3, 3)
WEEK = timedelta(days=7)
WEEKS = Window(train_days=21, holdout_days=14, history_days=14)


def test_weekly_windows_hold_the_last_days_of_weeks_back_from_the_night() -> None:
    assert windows.list_holdout(SUNDAY, WEEKS, WEEK) == (date(2013, 2, 24), SUNDAY)
    assert windows.list_training(SUNDAY, WEEKS, WEEK) == (date(2013, 2, 3), date(2013, 2, 10), date(2013, 2, 17))
    assert windows.list_history(SUNDAY, WEEKS, WEEK) == (date(2013, 2, 17), date(2013, 2, 24))
    assert windows.reach((date(2013, 2, 24), SUNDAY), WEEKS, WEEK) == (
        date(2013, 2, 10),
        date(2013, 2, 17),
        date(2013, 2, 24),
        SUNDAY,
    )


@pytest.mark.parametrize("days", [1, 7, 10, 14])
def test_training_and_holdout_meet_without_a_gap_and_share_no_night_whatever_the_period(days: int) -> None:
    window, period = Window(train_days=3 * days, holdout_days=2 * days), timedelta(days=days)
    nights = (*windows.list_training(SUNDAY, window, period), *windows.list_holdout(SUNDAY, window, period))
    assert nights == tuple(SUNDAY - number * period for number in range(4, -1, -1))


def test_a_weekly_model_without_history_looks_back_on_nothing() -> None:
    window = Window(train_days=7, holdout_days=7)
    assert windows.list_history(SUNDAY, window, WEEK) == ()
    assert windows.reach((SUNDAY,), window, WEEK) == (SUNDAY,)


@pytest.mark.parametrize("weekday", ["1", "mon", "MON"])
def test_weeks_that_a_run_on_mondays_processes_end_on_sundays(weekday: str) -> None:
    schedule = Schedule(cron=f"30 4 * * {weekday}", days=7)
    windows.require_night(SUNDAY, schedule)
    for off in range(1, 7):
        with pytest.raises(BadConfig, match=r"nights are Sundays.*give 2013-03-03 or 2013-03-10"):
            windows.require_night(SUNDAY + timedelta(days=off), schedule)


@pytest.mark.parametrize("cron", ["0 3 * * 0", "0 3 * * 7", "0 3 * * sun"])
def test_sunday_has_three_names(cron: str) -> None:
    windows.require_night(date(2013, 3, 2), Schedule(cron=cron, days=7))
    with pytest.raises(BadConfig, match="2013-03-03 is a Sunday, and this model's nights are Saturdays"):
        windows.require_night(SUNDAY, Schedule(cron=cron, days=7))


@pytest.mark.parametrize("schedule", [Schedule(), Schedule(cron="0 3 * * 1"), Schedule(cron="0 3 1 * 1", days=7)])
def test_any_day_may_be_a_night_where_the_schedule_does_not_tell(schedule: Schedule) -> None:
    for number in range(7):
        windows.require_night(SUNDAY + timedelta(days=number), schedule)
