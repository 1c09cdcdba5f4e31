"""What the machine lacks is said in one sentence, before anything starts."""

import dataclasses
import socket
import subprocess
import sys
from collections import namedtuple
from contextlib import ExitStack

import pytest

from local_platform.errors import CannotStart
from local_platform.one_machine import preflight_checks
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform


def test_free_ports_are_fine(platform: Platform) -> None:
    preflight_checks.check_ports(platform)


def test_a_taken_port_names_its_setting_and_who_has_it(platform: Platform) -> None:
    port = platform.settings.mlflow_port
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(
            CannotStart, match=rf"port {port} \(NIGHTSHIFT_LOCAL_MLFLOW_PORT\) is taken by .*process"
        ) as raised,
    ):
        preflight_checks.check_ports(platform)
    assert str(platform.home.settings) in str(raised.value)


def test_all_taken_ports_are_named_at_once(platform: Platform) -> None:
    names = ("airflow_port", "mlflow_port", "s3_port", "cluster_port", "s3_inner_ports")
    with ExitStack() as servers:
        for name in names:
            servers.enter_context(socket.create_server(("127.0.0.1", getattr(platform.settings, name))))
        with pytest.raises(CannotStart) as raised:
            preflight_checks.check_ports(platform)
    for name in names:
        port, setting = getattr(platform.settings, name), f"NIGHTSHIFT_LOCAL_{name.upper()}"
        assert f"port {port} ({setting}) is taken by " in str(raised.value)


def test_an_inner_port_of_the_storage_is_checked_too(platform: Platform) -> None:
    last = platform.settings.s3_inner_ports + 7 + 10_000
    with (
        socket.create_server(("127.0.0.1", last)),
        pytest.raises(CannotStart, match="NIGHTSHIFT_LOCAL_S3_INNER_PORTS"),
    ):
        preflight_checks.check_ports(platform)


def test_one_port_for_two_services_is_refused(platform: Platform) -> None:
    same = dataclasses.replace(platform.settings, mlflow_port=platform.settings.airflow_port)
    with pytest.raises(CannotStart, match="is given to NIGHTSHIFT_LOCAL_AIRFLOW_PORT and NIGHTSHIFT_LOCAL_MLFLOW_PORT"):
        preflight_checks.check_ports(Platform(platform.home, same))


def test_a_full_disk_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(10, 9, 500 * 1024**2))
    with pytest.raises(CannotStart, match=r"has 0\.5 GB left and 2 GB are needed: free some space"):
        preflight_checks.check_disk(home)


def test_a_second_command_is_told_to_wait(home: Home) -> None:
    program = f"""
import sys
from pathlib import Path
from local_platform.errors import CannotStart
from local_platform.one_machine.home import Home
from local_platform.one_machine.preflight_checks import hold_lock
try:
    with hold_lock(Home(Path({str(home.path)!r}))):
        print("entered")
except CannotStart as error:
    print(error)
"""

    def second() -> str:
        return subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True).stdout

    with preflight_checks.hold_lock(home):
        assert f"another command works on {home.path} (process " in second()
    assert second() == "entered\n"
