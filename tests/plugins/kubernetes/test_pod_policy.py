"""The policy of pods: what it refuses."""

from datetime import timedelta

import pytest

from nightshift.definition import Resources
from nightshift.errors import BadConfig
from nightshift.settings import PatienceSettings
from nightshift_airflow.kubernetes import pod_policy as pod


def test_a_misspelt_setting_of_airflow_is_refused_and_a_service_link_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_PORT_8333_TCP_ADDR", "10.0.0.1")
    pod.policy(Resources(), {})
    monkeypatch.setenv("NIGHTSHIFT_STEP_IMAG", "other:image")
    with pytest.raises(BadConfig, match=r"did you mean NIGHTSHIFT_STEP_IMAGE\?"):
        pod.policy(Resources(), {})


def test_the_deadlines_include_the_patience_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PATIENCE_SECONDS", "300")
    own = Resources(timeout=timedelta(minutes=7))
    assert pod.policy(own, {})["active_deadline_seconds"] == 420 + 2 * 320
    assert pod.longest(own) == timedelta(seconds=420 + 2 * 320) + pod.SCHEDULING + pod.STARTING + timedelta(minutes=1)
    monkeypatch.setenv("NIGHTSHIFT_PATIENCE_SECONDS", "two minutes")
    with pytest.raises(BadConfig, match="NIGHTSHIFT_PATIENCE_SECONDS must be a number"):
        pod.policy(own, {})


def test_the_patience_of_airflow_and_of_the_steps_is_the_same_unless_said_otherwise() -> None:
    assert PatienceSettings().seconds == pod.PATIENCE
