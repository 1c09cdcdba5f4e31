"""The policy of pods: what it refuses."""

from datetime import timedelta

import pytest

from nightshift.definition import Resources
from nightshift.errors import BadConfig
from nightshift.settings import RetrySettings
from nightshift_airflow.kubernetes.pod_policy import (
    LAST_ATTEMPT,
    SCHEDULING,
    STARTING,
    compute_execution_timeout,
    compute_waiting_time,
    make_pod_arguments,
)


def test_a_misspelt_setting_of_airflow_is_refused_and_a_service_link_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_PORT_8333_TCP_ADDR", "10.0.0.1")
    make_pod_arguments(Resources(), {})
    monkeypatch.setenv("NIGHTSHIFT_STEP_IMAG", "other:image")
    with pytest.raises(BadConfig, match=r"did you mean NIGHTSHIFT_STEP_IMAGE\?"):
        make_pod_arguments(Resources(), {})


def test_the_deadlines_include_the_retries_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "300")
    own = Resources(timeout=timedelta(minutes=7))
    assert make_pod_arguments(own, {})["active_deadline_seconds"] == 420 + 2 * 320
    assert compute_execution_timeout(own) == timedelta(seconds=420 + 2 * 320) + SCHEDULING + STARTING + timedelta(
        minutes=1
    )
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "two minutes")
    with pytest.raises(BadConfig, match="NIGHTSHIFT_RETRY_SECONDS must be a number"):
        make_pod_arguments(own, {})


def test_the_time_for_retries_of_airflow_and_of_the_steps_is_the_same_unless_said_otherwise() -> None:
    assert compute_waiting_time() == timedelta(seconds=2 * (RetrySettings().seconds + LAST_ATTEMPT))
