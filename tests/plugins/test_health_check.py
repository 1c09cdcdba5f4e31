"""The health check of Airflow's services under docker compose."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nightshift_airflow import health_check as alive
from nightshift_airflow.health_check import HUNG, LASTING, STARTING, health, lasts, main

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
    assert health(_report("healthy", JUST_NOW), "scheduler", NOW, 2 * STARTING) == "alive"


@pytest.mark.parametrize("beat", [LONG_AGO, None])
def test_one_without_a_sign_of_life_has_hung(beat: float | None) -> None:
    assert health(_report("unhealthy", beat), "scheduler", NOW, 2 * STARTING) == "hung"


@pytest.mark.parametrize(
    ("report", "running"),
    [
        (_report("unhealthy", JUST_NOW), 2 * STARTING),  # it may only be slow
        (_report("unhealthy", LONG_AGO), STARTING / 2),  # the sign of life of the process before it
        (_report("unhealthy", LONG_AGO, database="unhealthy"), 2 * STARTING),  # nobody can give a sign of life
        ({}, STARTING / 2),
    ],
)
def test_one_that_may_only_be_late_is_left_alone(report: dict[str, Any], running: float) -> None:
    assert health(report, "scheduler", NOW, running) == "ill"


def test_one_check_is_not_enough(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert not lasts("hung", NOW, mark)
    assert not lasts("hung", NOW + LASTING - 1, mark)
    assert lasts("hung", NOW + LASTING, mark)


def test_a_sign_of_life_in_between_begins_anew(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    lasts("hung", NOW, mark)
    lasts("ill", NOW + 10, mark)
    assert not lasts("hung", NOW + LASTING, mark)


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """What the check would kill. Airflow's report, a file here, says that the scheduler has hung."""
    report = tmp_path / "report.json"
    report.write_text(json.dumps(_report("unhealthy", datetime.now(UTC).timestamp() - 10 * HUNG)))
    monkeypatch.setenv("NIGHTSHIFT_HEALTH_REPORT", report.as_uri())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(alive, "_running", lambda: 2 * STARTING)
    found: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _signal: found.append(pid))
    return found


def test_one_that_has_hung_for_long_is_killed_with_all_its_processes(
    killed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["scheduler"]) == 1
    assert killed == []
    monkeypatch.setattr(alive, "LASTING", 0.0)
    assert main(["scheduler"]) == 1
    assert killed == [-1]


def test_the_first_process_has_run_for_some_time() -> None:
    assert alive._running() > 0


def test_without_an_api_server_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_HEALTH_REPORT", "http://127.0.0.1:9/")
    assert main(["scheduler"]) == 1


def test_a_mark_that_a_full_disk_left_empty_counts_from_now(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    assert not lasts("hung", NOW, mark)
    assert lasts("hung", NOW + LASTING, mark)
