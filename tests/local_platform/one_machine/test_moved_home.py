"""A copied home belongs to its new place, and the original is not touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from local_platform import marked_processes
from local_platform.one_machine import settings
from local_platform.one_machine.down import stop_platform
from local_platform.one_machine.home import Home
from local_platform.one_machine.moved_home import claim_home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import Supervisor
from local_platform.services.airflow_services import build_environment


def _copy(home: Home, to: Path) -> Home:
    shutil.copytree(home.path, to, ignore=lambda _folder, names: [n for n in names if n.endswith(".sock")])
    return Home(to)


def test_what_names_the_old_place_is_made_anew(home: Home, tmp_path: Path) -> None:
    assert claim_home(home) == ""
    home.airflow.mkdir()
    generated = home.airflow / "airflow.cfg"
    generated.write_text(f"[logging]\nbase_log_folder = {home.airflow}/logs\n")
    assert claim_home(home) == ""
    copy = _copy(home, tmp_path / "copy")
    assert claim_home(copy) == str(home.path)
    assert not (copy.airflow / "airflow.cfg").exists()
    assert generated.exists()
    assert claim_home(copy) == ""


def test_no_path_of_airflow_is_left_to_its_generated_file(home: Home, tmp_path: Path) -> None:
    copy = _copy(home, tmp_path / "copy")
    values = build_environment(Platform(copy, settings.read_settings(copy)).airflow)
    assert values["AIRFLOW__LOGGING__BASE_LOG_FOLDER"].startswith(str(copy.path))
    assert not [value for value in values.values() if str(home.path) in value]


def test_a_copy_neither_sees_nor_ends_the_services_of_the_original(home: Home, tmp_path: Path) -> None:
    claim_home(home)
    supervisor = Supervisor(home)
    supervisor.start(())
    try:
        copy = _copy(home, tmp_path / "copy")
        # As a moved home has it: the socket leads to the supervisor of the old place.
        os.link(home.path / "supervisor.sock", copy.path / "supervisor.sock")
        assert not Supervisor(copy).is_running()
        stop_platform(copy, Progress())
        assert supervisor.is_running()
    finally:
        marked_processes.end_processes_of(home.path)


def test_a_checkout_that_was_copied_does_not_end_the_original(tmp_path: Path) -> None:
    sources = Path(__file__).parents[3]
    shutil.copy(sources / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").write_text("#!/bin/sh\necho the original ran\n")
    (tmp_path / ".venv" / "bin" / "python").chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()
    (tmp_path / ".nightshift").mkdir()
    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    with subprocess.Popen(sleeper, env={marked_processes.MARK: "/the/original/.nightshift"}) as original:
        (tmp_path / ".nightshift" / "supervisord.pid").write_text(str(original.pid))
        (tmp_path / ".venv" / ".made-in").write_text(f"{tmp_path}\n")
        assert "the original ran" in _make_down(tmp_path)
        (tmp_path / ".venv" / ".made-in").write_text("/the/original\n")
        assert _make_down(tmp_path) == "  nothing was ever started here\n"
        assert psutil.pid_exists(original.pid)
        original.kill()


def _make_down(checkout: Path) -> str:
    return subprocess.run(("make", "down"), cwd=checkout, capture_output=True, text=True, check=True).stdout
