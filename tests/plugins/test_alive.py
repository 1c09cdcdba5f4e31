"""The health check of Airflow's services under docker compose."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nightshift_airflow.alive import HUNG, health, main

NOW = datetime(2013, 2, 9, 12, tzinfo=UTC).timestamp()
LONG_AGO = NOW - 10 * HUNG
JUST_NOW = NOW - HUNG / 2


def _report(status: str | None, beat: float | None, database: str = "healthy") -> dict[str, Any]:
    latest = None if beat is None else datetime.fromtimestamp(beat, UTC).isoformat()
    return {
        "metadatabase": {"status": database},
        "scheduler": {"status": status, "latest_scheduler_heartbeat": latest},
    }


def test_a_healthy_one_lives() -> None:
    assert health(_report("healthy", JUST_NOW), "scheduler", NOW, LONG_AGO) == "alive"


@pytest.mark.parametrize("beat", [LONG_AGO, None])
def test_one_without_a_sign_of_life_has_hung(beat: float | None) -> None:
    assert health(_report("unhealthy", beat), "scheduler", NOW, LONG_AGO) == "hung"


@pytest.mark.parametrize(
    ("report", "started"),
    [
        (_report("unhealthy", JUST_NOW), LONG_AGO),  # it may only be slow
        (_report("unhealthy", LONG_AGO), JUST_NOW),  # the sign of life of the process before it
        (_report("unhealthy", LONG_AGO, database="unhealthy"), LONG_AGO),  # nobody can give a sign of life
        ({}, JUST_NOW),
    ],
)
def test_one_that_may_only_be_late_is_left_alone(report: dict[str, Any], started: float) -> None:
    assert health(report, "scheduler", NOW, started) == "ill"


def test_without_an_api_server_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_HEALTH_REPORT", "http://127.0.0.1:9/")
    assert main(["scheduler"]) == 1
