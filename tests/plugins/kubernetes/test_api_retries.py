"""What is waited out and for how long, by a clock that is handed in."""

import pytest
from kubernetes.client import ApiException
from urllib3.exceptions import ProtocolError

from nightshift_airflow.kubernetes.api_retries import ACCESS_SECONDS, LONGEST_PAUSE, ApiUnavailable, Outage

CUT = ProtocolError("Connection aborted.")


def answered(status: int, **headers: str) -> ApiException:
    error = ApiException(status=status, reason="Reason")
    error.headers = {name.replace("_", "-"): value for name, value in headers.items()}
    error.body = '{"message": "said so"}'
    return error


@pytest.mark.parametrize("error", [CUT, *(answered(status) for status in (0, 401, 429, 500, 502, 503, 504))])
def test_what_may_pass_is_worth_a_pause(error: Exception) -> None:
    pause = Outage(300).compute_pause(error, 0)
    assert pause is not None
    assert 0 < pause <= LONGEST_PAUSE


@pytest.mark.parametrize("error", [*(answered(status) for status in (400, 403, 404, 409, 422)), ValueError("a bug")])
def test_an_answer_is_not_waited_for(error: Exception) -> None:
    assert Outage(300).compute_pause(error, 0) is None


def test_pauses_grow_and_stay_short_enough_to_go_on_soon() -> None:
    outage = Outage(300)
    pauses = [outage.compute_pause(CUT, float(now)) or 0 for now in range(40)]
    assert max(pauses[:1]) < 1
    assert 2 < max(pauses) <= LONGEST_PAUSE


def test_the_time_for_retries_is_of_all_calls_together_and_begins_anew_after_an_answer() -> None:
    outage = Outage(300)
    outage.compute_pause(CUT, 1000)
    outage.compute_pause(answered(503), 1299)
    with pytest.raises(ApiUnavailable, match="503 Reason: said so, for 300 s"):
        outage.compute_pause(answered(503), 1300)
    assert outage.end(1301) == 301
    assert outage.end(1302) is None
    assert outage.compute_pause(CUT, 1400) is not None


def test_the_last_pause_ends_with_the_time_for_retries() -> None:
    outage = Outage(10)
    outage.compute_pause(CUT, 0)
    assert outage.compute_pause(answered(429, Retry_After="8"), 9.5) == 0.5


@pytest.mark.parametrize(("requested", "pause"), [("3", 3.0), ("500", 30.0)])
def test_the_api_may_ask_for_a_pause_within_limits(requested: str, pause: float) -> None:
    assert Outage(300).compute_pause(answered(429, Retry_After=requested), 0) == pause


@pytest.mark.parametrize("requested", ["Wed, 21 Oct 2026 07:28:00 GMT", "", "-1", "٣"])
def test_a_pause_that_is_no_number_of_seconds_is_not_asked_for(requested: str) -> None:
    assert (Outage(300).compute_pause(answered(503, Retry_After=requested), 0) or 99) <= LONGEST_PAUSE


def test_a_refused_token_is_waited_for_a_minute_whatever_the_time_for_retries() -> None:
    outage = Outage(3600)
    outage.compute_pause(answered(401), 0)
    assert outage.compute_pause(answered(401), ACCESS_SECONDS - 1) is not None
    with pytest.raises(ApiUnavailable, match="401"):
        outage.compute_pause(answered(401), ACCESS_SECONDS)


def test_a_refused_right_is_waited_for_only_just_after_an_outage() -> None:
    outage = Outage(300)
    outage.compute_pause(CUT, 0)
    assert outage.compute_pause(answered(403), 1) is not None
    outage.end(2)
    assert outage.compute_pause(answered(403), 2 + ACCESS_SECONDS - 1) is not None
    outage.end(2 + ACCESS_SECONDS)
    assert outage.compute_pause(answered(403), 3 + 2 * ACCESS_SECONDS) is None
