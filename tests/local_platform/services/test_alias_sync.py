"""The service that syncs the alias between nights: what it runs with, and when it answers."""

import os
import time
from pathlib import Path

from local_platform.one_machine.platform import Platform
from local_platform.services import alias_sync
from local_platform.services.service import run_service


def test_it_has_what_the_steps_have_and_airflow_has_not(platform: Platform) -> None:
    service = next(service for service in platform.services if service.name == "alias-sync")
    assert service.environment["AWS_SECRET_ACCESS_KEY"] == platform.settings.s3_steps_key
    assert service.environment["MLFLOW_TRACKING_URI"] == platform.tracking.url
    for other in platform.services:
        assert other is service or "MLFLOW_TRACKING_URI" not in other.environment, other.name


def test_it_syncs_at_least_every_ten_minutes_and_no_command_shows_a_secret(tmp_path: Path) -> None:
    command = alias_sync.define_service(tmp_path, {}).command
    assert command[1:4] == ("sync-alias", "--every", str(alias_sync.PERIOD))
    assert 2 * alias_sync.PERIOD <= 600


def test_it_answers_once_it_has_synced_since_its_start_and_not_long_ago(tmp_path: Path) -> None:
    service, started, sign = alias_sync.define_service(tmp_path, {}), time.time(), tmp_path / "synced"
    assert not service.ready(started)
    sign.touch()
    os.utime(sign, (started - 5, started - 5))
    assert (service.ready(started), service.ready(0)) == (False, True)
    sign.touch()
    assert service.ready(started - 1)
    os.utime(sign, (started - alias_sync.LATE - 1, started - alias_sync.LATE - 1))
    assert not service.ready(0)


def test_it_runs_as_a_process_that_answers_and_ends_when_it_is_told(
    s3_environment: dict[str, str], mlflow_server: str, tmp_path: Path
) -> None:
    environment = {**s3_environment, "MLFLOW_TRACKING_URI": mlflow_server}
    service = alias_sync.define_service(tmp_path / "alias-sync", environment)
    with run_service(service, tmp_path / "log"):  # returns once it has synced every model of this checkout
        assert service.ready(0)
    assert "Traceback" not in (tmp_path / "log").read_text()
