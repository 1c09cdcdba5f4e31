"""Retries by the clock, with clocks that a test moves."""

from nightshift.adapters.api_retries import UNWATCHED, Clock, Wait, get_shared_clock


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _attempts(wait: Wait, took: float, time: Time) -> int:
    """How many attempts one call makes, each of which takes `took` seconds and fails."""
    attempts = 1
    time.sleep(took)
    while wait.pause():
        attempts += 1
        time.sleep(took)
    return attempts


def test_a_call_waits_by_the_clock_whatever_its_attempts_cost() -> None:
    for took in (0.0, 15.0):
        time = Time()
        clock = Clock(120, lambda time=time: time.now)  # type: ignore[misc]
        started_at = time.now
        _attempts(Wait(clock, time.sleep), took, time)
        assert 120 <= time.now - started_at <= 120 + 2 * took + 0.001


def test_a_second_call_does_not_start_the_wait_again() -> None:
    time = Time()
    clock = Clock(120, lambda: time.now)
    assert _attempts(Wait(clock, time.sleep), 0, time) > 10
    assert _attempts(Wait(clock, time.sleep), 0, time) == 1


def test_an_answer_to_anyone_stops_the_clock() -> None:
    time = Time()
    clock = Clock(120, lambda: time.now)
    assert clock.fail() == 120
    time.sleep(100)
    assert clock.fail() == 20
    clock.note_answer()
    time.sleep(100)
    assert clock.fail() == 120


def test_a_call_that_alone_keeps_failing_ends_though_others_are_answered() -> None:
    time = Time()
    clock = Clock(120, lambda: time.now)
    wait, started_at = Wait(clock, time.sleep), time.now
    while wait.pause():
        clock.note_answer()
    assert 120 <= time.now - started_at < 121


def test_a_failure_long_after_the_last_is_an_outage_of_its_own() -> None:
    time = Time()
    clock = Clock(5, lambda: time.now)
    assert clock.fail() == 5
    time.sleep(UNWATCHED + 1)
    assert clock.fail() == 5


def test_no_time_for_retries_is_one_attempt() -> None:
    time = Time()
    assert _attempts(Wait(Clock(0, lambda: time.now), time.sleep), 0, time) == 1


def test_a_service_has_one_clock_in_a_process() -> None:
    assert get_shared_clock("http://a", 5) is get_shared_clock("http://a", 5)
    assert get_shared_clock("http://a", 5) is not get_shared_clock("http://b", 5)
