"""The policy of pods: what it refuses."""

import pytest

from nightshift.definition import Resources
from nightshift.errors import BadConfig
from nightshift_airflow import pod


def test_a_misspelt_setting_of_airflow_is_refused_and_a_service_link_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_PORT_8333_TCP_ADDR", "10.0.0.1")
    pod.policy(Resources(), {})
    monkeypatch.setenv("NIGHTSHIFT_STEP_IMAG", "other:image")
    with pytest.raises(BadConfig, match=r"did you mean NIGHTSHIFT_STEP_IMAGE\?"):
        pod.policy(Resources(), {})
