"""The health check of Airflow's services under docker compose."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nightshift.known_variables import DEFAULTS
from nightshift_airflow import health_check
from nightshift_airflow.health_check import HUNG_AFTER, KILLED_AFTER, START_TAKES, has_hung_long, judge_health, main

NOW = datetime(2013, 2, 9, 12, tzinfo=UTC).timestamp()
LONG_AGO = NOW - 10 * HUNG_AFTER
JUST_NOW = NOW - HUNG_AFTER / 2


def _report(status: str | None, heartbeat: float | None, database: str = "healthy") -> dict[str, Any]:
    latest = None if heartbeat is None else datetime.fromtimestamp(heartbeat, UTC).isoformat()
    return {
        "metadatabase": {"status": database},
        "scheduler": {"status": status, "latest_scheduler_heartbeat": latest},
    }


def test_a_healthy_service_is_healthy() -> None:
    assert judge_health(_report("healthy", JUST_NOW), "scheduler", NOW, 2 * START_TAKES) == "healthy"


@pytest.mark.parametrize("heartbeat", [LONG_AGO, None])
def test_a_service_without_a_heartbeat_has_hung(heartbeat: float | None) -> None:
    assert judge_health(_report("unhealthy", heartbeat), "scheduler", NOW, 2 * START_TAKES) == "hung"


@pytest.mark.parametrize(
    ("report", "uptime"),
    [
        (_report("unhealthy", JUST_NOW), 2 * START_TAKES),  # it may only be slow
        (_report("unhealthy", LONG_AGO), START_TAKES / 2),  # the heartbeat of the process before it
        (_report("unhealthy", LONG_AGO, database="unhealthy"), 2 * START_TAKES),  # no service can write a heartbeat
        ({}, START_TAKES / 2),
    ],
)
def test_a_service_that_may_only_be_late_is_left_alone(report: dict[str, Any], uptime: float) -> None:
    assert judge_health(report, "scheduler", NOW, uptime) == "unhealthy"


def test_one_check_is_not_enough(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert not has_hung_long("hung", NOW, mark)
    assert not has_hung_long("hung", NOW + KILLED_AFTER - 1, mark)
    assert has_hung_long("hung", NOW + KILLED_AFTER, mark)


def test_a_check_that_finds_it_not_hung_starts_the_time_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    has_hung_long("hung", NOW, mark)
    has_hung_long("unhealthy", NOW + 10, mark)
    assert not has_hung_long("hung", NOW + KILLED_AFTER, mark)


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """What the check would kill. Airflow's report, a file here, says that the scheduler has hung."""
    report = tmp_path / "report.json"
    report.write_text(json.dumps(_report("unhealthy", datetime.now(UTC).timestamp() - 10 * HUNG_AFTER)))
    monkeypatch.setenv("NIGHTSHIFT_HEALTH_REPORT", report.as_uri())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(health_check, "_read_uptime", lambda: 2 * START_TAKES)
    killed_pids: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _signal: killed_pids.append(pid))
    return killed_pids


def test_a_service_that_has_hung_for_long_is_killed_with_all_its_processes(
    killed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["scheduler"]) == 1
    assert killed == []
    monkeypatch.setattr(health_check, "KILLED_AFTER", 0.0)
    assert main(["scheduler"]) == 1
    assert killed == [-1]


def test_the_first_process_has_run_for_some_time() -> None:
    assert health_check._read_uptime() > 0


def test_without_an_api_server_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_HEALTH_REPORT", "http://127.0.0.1:9/")
    assert main(["scheduler"]) == 1


def test_a_mark_that_a_full_disk_left_empty_counts_from_now(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    assert not has_hung_long("hung", NOW, mark)
    assert has_hung_long("hung", NOW + KILLED_AFTER, mark)


def test_it_asks_where_the_settings_page_says() -> None:
    assert DEFAULTS["NIGHTSHIFT_HEALTH_REPORT"] == health_check.REPORT  # the check imports the standard library only
