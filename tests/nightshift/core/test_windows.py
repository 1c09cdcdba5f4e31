from datetime import date

from nightshift.core import windows
from nightshift.definition import Window

NIGHT = date(2013, 3, 1)
WINDOW = Window(train_days=3, holdout_days=2, history_days=2)


def test_holdout_ends_with_the_night() -> None:
    assert windows.holdout(NIGHT, WINDOW) == (date(2013, 2, 28), date(2013, 3, 1))


def test_training_ends_the_day_before_the_holdout_begins() -> None:
    assert windows.training(NIGHT, WINDOW) == (date(2013, 2, 25), date(2013, 2, 26), date(2013, 2, 27))


def test_training_and_holdout_never_share_a_night() -> None:
    for holdout_days in (1, 7):
        window = Window(train_days=28, holdout_days=holdout_days)
        assert not set(windows.training(NIGHT, window)) & set(windows.holdout(NIGHT, window))


def test_an_earlier_champion_was_not_trained_on_a_later_holdout() -> None:
    earlier = date(2013, 2, 28)
    assert not set(windows.training(earlier, WINDOW)) & set(windows.holdout(NIGHT, WINDOW))


def test_history_ends_the_day_before() -> None:
    assert windows.history(NIGHT, WINDOW) == (date(2013, 2, 27), date(2013, 2, 28))
    assert windows.history(NIGHT, Window(train_days=1, holdout_days=1)) == ()


def test_reach_covers_the_days_and_what_they_look_back_on() -> None:
    assert windows.reach((date(2013, 3, 3), NIGHT), WINDOW) == windows.days(date(2013, 2, 27), date(2013, 3, 3))


def test_days_across_a_leap_day() -> None:
    assert len(windows.days(date(2024, 2, 28), date(2024, 3, 1))) == 3
    assert windows.days(date(2024, 3, 1), date(2024, 2, 28)) == ()
