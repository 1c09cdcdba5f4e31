"""What supervisord is told: each service under its guard, nothing secret in a command, any path and any value."""

import configparser
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions

from local_platform.files import write_private
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.supervisor import Supervisor, render_configuration
from local_platform.services.airflow_services import define_services
from local_platform.services.service import Service


def _read(tmp_path: Path, text: str) -> dict[str, dict[str, Any]]:
    """The programs, as supervisord itself reads them."""
    path = tmp_path / "supervisord.conf"
    write_private(path, text)
    options = ServerOptions()
    options.realize(["-c", str(path)])
    groups = options.process_group_configs
    return {group.name: vars(group.process_configs[0]) for group in groups}


def _service(home: Path, **values: str) -> Service:
    return Service(
        name="a", command=("/bin/echo", "two words"), directory=home, ready=lambda _since: True, environment=values
    )


def test_odd_values_arrive_as_they_are(tmp_path: Path) -> None:
    odd = {"PERCENT": "50%(x)s", "QUOTES": "a'b\\d", "COMMA": "a,b=c", "SPACE": " x y;z#"}
    (tmp_path / "logs").mkdir()
    program = _read(tmp_path, render_configuration(Home(tmp_path), [_service(tmp_path, **odd)]))["a"]
    assert {name: program["environment"][name] for name in odd} == odd
    assert shlex.split(program["command"])[-2:] == ["/bin/echo", "two words"]


def test_a_path_with_spaces_arrives_as_it_is(tmp_path: Path) -> None:
    odd = tmp_path / "half of it, (2)"
    (odd / "logs").mkdir(parents=True)
    program = _read(tmp_path, render_configuration(Home(odd), [_service(odd)]))["a"]
    assert program["directory"] == str(odd)
    assert program["stdout_logfile"] == str(odd / "logs" / "a.log")


def test_every_service_is_there_and_guarded(platform: Platform, tmp_path: Path) -> None:
    programs = _read(tmp_path, render_configuration(platform.home, platform.services))
    assert list(programs) == sorted(programs)
    airflow = {"airflow", "dag-processor", "scheduler", "triggerer"}
    assert set(programs) == {"s3", "cluster", "mlflow", "alias-sync", *airflow}
    for program in programs.values():
        assert "local_platform.services.process_guard" in program["command"]
        assert program["environment"]["NIGHTSHIFT_LOCAL_HOME"] == str(platform.home.path)


def test_no_command_shows_a_secret(platform: Platform) -> None:
    secrets = [v for n, v in vars(platform.settings).items() if n.endswith(("key", "password"))]
    assert len(secrets) == 9
    commands = " ".join(word for service in platform.services for word in service.guarded_command)
    assert not [secret for secret in secrets if secret in commands]


def test_only_airflows_pages_and_tasks_may_read_the_object_storage_and_nothing_of_it_may_write(
    platform: Platform,
) -> None:
    keys = {s.name: s.environment.get("AWS_SECRET_ACCESS_KEY") for s in define_services(platform.airflow)}
    assert {name for name, key in keys.items() if key} == {"airflow", "scheduler"}
    assert keys["airflow"] == keys["scheduler"] == platform.settings.s3_viewer_key


def test_files_with_secrets_are_private(platform: Platform, tmp_path: Path) -> None:
    for service in platform.services:
        service.prepare()
    write_private(tmp_path / "supervisord.conf", render_configuration(platform.home, platform.services))
    holders = [tmp_path / "supervisord.conf", platform.home.settings]
    holders += [platform.home.airflow / "passwords.json", platform.home.path / "s3" / "identities.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def test_the_configuration_does_not_depend_on_the_shell(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    before = render_configuration(platform.home, platform.services)
    for name in ("PATH", "HOME", "LANG", "AWS_PROFILE", "http_proxy"):
        monkeypatch.setenv(name, "another")
    assert render_configuration(platform.home, Platform(platform.home, platform.settings).services) == before


def test_a_supervisor_that_is_not_there_is_no_error(home: Home) -> None:
    assert not Supervisor(home).is_running()


def test_rendered_text_is_an_ini_file(platform: Platform) -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(render_configuration(platform.home, platform.services))
    assert parser["supervisord"]["umask"] == "077"
