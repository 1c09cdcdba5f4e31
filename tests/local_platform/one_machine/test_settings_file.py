"""The settings file is written once, private, complete, and a wrong line is named."""

import stat
from pathlib import Path

import pytest

from local_platform.errors import CannotStart
from local_platform.one_machine import settings
from local_platform.one_machine.home import Home, locate_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    return locate_home()


def _change(home: Home, name: str, line: str) -> None:
    lines = [line if changed.startswith(name) else changed for changed in home.settings.read_text().splitlines()]
    home.settings.write_text("\n".join(lines))


def test_the_first_read_writes_the_file_and_the_second_reads_it(home: Home) -> None:
    first = settings.read_settings(home)
    assert settings.read_settings(home) == first
    assert stat.S_IMODE(home.settings.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_every_setting_has_its_meaning_above_it(home: Home) -> None:
    settings.read_settings(home)
    lines = home.settings.read_text().splitlines()
    values = [number for number, line in enumerate(lines) if "=" in line]
    assert len(values) == 14
    assert all(lines[number - 1].startswith("# ") for number in values)


def test_two_homes_share_no_secret() -> None:
    created = [settings.Settings(), settings.Settings()]
    secrets = [{v for n, v in vars(first).items() if n.endswith(("key", "password"))} for first in created]
    assert len(secrets[0]) == 9
    assert not secrets[0] & secrets[1]
    assert all(len(secret) >= 16 for secret in secrets[0])


def test_no_secret_shows_when_settings_are_printed() -> None:
    created = settings.Settings()
    shown = repr(created)
    assert "airflow_port=8080" in shown
    assert not [value for name, value in vars(created).items() if name.endswith(("key", "password")) and value in shown]


def test_a_changed_port_is_read(home: Home) -> None:
    settings.read_settings(home)
    _change(home, "NIGHTSHIFT_LOCAL_AIRFLOW_PORT", "NIGHTSHIFT_LOCAL_AIRFLOW_PORT = 18080 ")
    assert settings.read_settings(home).airflow_port == 18080


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "NIGHTSHIFT_LOCAL_AIRFLOW_PORT=http",
            "NIGHTSHIFT_LOCAL_AIRFLOW_PORT=http is no port: expected a number from 1024",
        ),
        ("NIGHTSHIFT_LOCAL_AIRFLOW_PORT=80", "expected a number from 1024 to 55000"),
        ("NIGHTSHIFT_LOCAL_AIRFLOW_PORT=٨٠٨٠", "is no port"),
        ("NIGHTSHIFT_LOCAL_AIRFLOW_PORT=", "has no value"),
        ("NIGHTSHIFT_LOCAL_AIRFLOW_PROT=8080", "'NIGHTSHIFT_LOCAL_AIRFLOW_PROT' is no setting: expected one of"),
        ("NIGHTSHIFT_LOCAL_AIRFLOW_PORT=80 80", "has a space or a quotation mark"),
        ("", "lacks NIGHTSHIFT_LOCAL_AIRFLOW_PORT"),
    ],
)
def test_a_wrong_line_is_named(home: Home, line: str, expected: str) -> None:
    settings.read_settings(home)
    _change(home, "NIGHTSHIFT_LOCAL_AIRFLOW_PORT", line)
    with pytest.raises(CannotStart, match=expected) as raised:
        settings.read_settings(home)
    assert str(home.settings) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "expected"), [("x" * 100, "more than the 90 bytes"), ("50% off", "the supervisor cannot")]
)
def test_a_folder_that_cannot_serve_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / name))
    with pytest.raises(CannotStart, match=f"{expected}.*set NIGHTSHIFT_HOME to another folder"):
        locate_home()
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("damaged", [b"", b"\0" * 100, b"\xff\xfe\xfd"])
def test_a_file_that_a_power_cut_left_empty_is_lost_and_that_is_said(home: Home, damaged: bytes) -> None:
    home.settings.write_bytes(damaged)
    sentences: list[str] = []
    assert settings.read_settings(home, sentences.append).admin_password
    assert len(sentences) == 1
    assert f"{home.settings} was empty or damaged (kept as settings.env.unreadable)" in sentences[0]
    assert (home.path / "settings.env.unreadable").read_bytes() == damaged


def test_all_wrong_lines_are_named_at_once(home: Home) -> None:
    settings.read_settings(home)
    _change(home, "NIGHTSHIFT_LOCAL_AIRFLOW_PORT", "NIGHTSHIFT_LOCAL_AIRFLOW_PORT=80")
    _change(home, "NIGHTSHIFT_LOCAL_MLFLOW_PORT", "NIGHTSHIFT_LOCAL_MLFLOW_PROT=5000")
    with pytest.raises(CannotStart, match=r"AIRFLOW_PORT=80 is no port.*; .*'NIGHTSHIFT_LOCAL_MLFLOW_PROT' is no"):
        settings.read_settings(home)
