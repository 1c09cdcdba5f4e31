"""Airflow is told only what it knows, and listens to this machine alone."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import models
from local_platform.one_machine.platform import Platform
from local_platform.services.airflow_services import build_environment, is_healthy, prepare


def _known() -> set[str]:
    """The variables of every option that the installed Airflow has."""
    options = find_spec("airflow")
    assert options
    assert options.origin
    template = Path(options.origin).parent / "config_templates" / "config.yml"
    sections = yaml.safe_load(template.read_text())
    return {f"AIRFLOW__{s.upper()}__{o.upper()}" for s, content in sections.items() for o in content["options"]}


def test_every_option_exists(platform: Platform) -> None:
    ours = {name for name in build_environment(platform.airflow) if name.startswith("AIRFLOW__")}
    assert len(ours) > 15
    assert ours <= _known()


def test_it_serves_this_machine_alone(platform: Platform) -> None:
    given = build_environment(platform.airflow)
    assert given["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert given["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].startswith("http://127.0.0.1:")
    assert given["AIRFLOW__CORE__LOAD_EXAMPLES"] == "false"


def test_its_secrets_are_those_of_the_settings(platform: Platform) -> None:
    given = build_environment(platform.airflow)
    assert given["AIRFLOW__API_AUTH__JWT_SECRET"] == platform.settings.airflow_jwt_key
    assert given["AIRFLOW__CORE__FERNET_KEY"] == platform.settings.airflow_fernet_key


def test_models_of_a_team_reach_airflow_and_the_steps(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "NIGHTSHIFT_MODELS" not in {**build_environment(platform.airflow), **platform.build_step_values()}
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path / "a"), str(tmp_path / "b")])
    expected = f"{tmp_path / 'a'}:{tmp_path / 'b'}"
    outside = Platform(platform.home, platform.settings)
    assert build_environment(outside.airflow)["NIGHTSHIFT_MODELS"] == expected
    assert outside.build_step_values()["NIGHTSHIFT_MODELS"] == expected
    assert outside.build_step_environment("a test")["NIGHTSHIFT_MODELS"] == expected


@pytest.mark.parametrize("damaged", [b"", b"[core\ndags", b"\xff\xfe", b"no section = 1\n"])
def test_a_damaged_generated_file_is_put_aside(platform: Platform, damaged: bytes) -> None:
    prepare(platform.airflow)
    generated = platform.home.airflow / "airflow.cfg"
    generated.write_text("[core]\nexecutor = %(x)s\n")
    prepare(platform.airflow)
    assert generated.exists()
    generated.write_bytes(damaged)
    prepare(platform.airflow)
    assert not generated.exists()


@pytest.mark.parametrize(
    ("report", "healthy"),
    [
        (b'{"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2013-02-09T00:00:00+00:00"}}', True),
        (b'{"scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": "2013-02-09T00:00:00+00:00"}}', False),
        (b'{"scheduler": {"status": null, "latest_scheduler_heartbeat": null}}', False),
        (b"{}", False),
        (b"[]", False),
        (b"<html>another program</html>", False),
    ],
)
def test_whether_it_is_healthy_is_answered_whatever_replies(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, report: bytes, healthy: bool
) -> None:
    monkeypatch.setattr("local_platform.services.airflow_services.fetch", lambda _url: report)
    assert is_healthy(platform.airflow, "scheduler") is healthy
