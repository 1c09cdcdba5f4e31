"""What a bare machine lacks is one sentence, and two installations never work on one environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2]
TOOLS = ("sh", "df", "awk", "mkdir", "uname", "date", "touch", "flock", "sleep", "printf", "cat")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with the installer, and a `bin` with what every machine has; no Python."""
    shutil.copytree(SOURCES / "tools", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        if path := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(path)
    return tmp_path


def _program(bare: Path, name: str, text: str) -> None:
    path = bare / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _install(bare: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": str(bare / "bin"), "HOME": str(bare)}
    environment |= {name: os.environ[name] for name in ("KEEP_RUNNING",) if name in os.environ}
    command = ("sh", "tools/install", ".venv", "requirements.txt")
    return subprocess.run(command, cwd=bare, env=environment, capture_output=True, text=True, check=False, timeout=60)


def _said(bare: Path) -> str:
    completed = _install(bare)
    assert completed.returncode == 2
    assert not (bare / ".venv").exists()
    assert len(completed.stderr.splitlines()) == 1
    return completed.stderr


@pytest.mark.skipif(
    Path("/usr/local/bin/python3.11").exists(), reason="this machine has a Python where every one finds it"
)
def test_no_python(bare: Path) -> None:
    assert "no Python 3.11 was found: install it" in _said(bare)


@pytest.mark.skipif(
    Path("/usr/local/bin/python3.11").exists(), reason="this machine has a Python where every one finds it"
)
def test_another_python_is_none(bare: Path) -> None:
    _program(bare, "python3", "exit 1")  # as `sys.exit(sys.version_info[:2] != (3, 11))` ends elsewhere
    assert "no Python 3.11 was found" in _said(bare)


def test_a_python_without_venv(bare: Path) -> None:
    _program(bare, "python3.11", 'case "$2" in *venv*) exit 1;; esac')
    assert "python3.11 lacks the module venv: install it" in _said(bare)


def test_a_full_disk(bare: Path) -> None:
    _program(bare, "python3.11", "exit 0")
    _program(bare, "df", 'printf "Filesystem 1024-blocks Used Available\\n/dev/x 9 9 1048576\\n"')
    assert "has 1 GB left and 4 GB are needed: free some space" in _said(bare)


def test_an_installation_under_way(bare: Path) -> None:
    (bare / ".nightshift").mkdir()
    with subprocess.Popen(("flock", str(bare / ".nightshift" / "install.lock"), "sleep", "60")) as holder:
        try:
            while (
                subprocess.run(
                    ("flock", "-n", str(bare / ".nightshift" / "install.lock"), "true"), check=False
                ).returncode
                == 0
            ):
                pass
            assert "another installation into .venv is running" in _said(bare)
        finally:
            holder.terminate()


@pytest.fixture
def in_use(bare: Path) -> Iterator[Path]:
    """The same with an environment in which a service of some home runs, and an `uv` that says what it would do."""
    for tool in ("cmp", "dirname", "cp", "mv", "grep", "rm"):
        if script := shutil.which(tool):
            (bare / "bin" / tool).symlink_to(script)
    (bare / ".venv" / "bin").mkdir(parents=True)
    (bare / ".venv" / "bin" / "python").symlink_to(sys.executable)
    uv = '#!/bin/sh\ncase "$*" in *--dry-run*) cat plan;; *) echo "$*" >>calls;; esac\n'
    (bare / ".venv" / "bin" / "uv").write_text(uv)
    (bare / ".venv" / "bin" / "uv").chmod(0o755)
    for name in ("requirements.txt", "pyproject.toml"):
        (bare / name).write_text("one\n")
    assert _install(bare).returncode == 0
    (bare / "calls").unlink()
    service = (str(bare / ".venv" / "bin" / "python"), "-c", "print(flush=True); import time; time.sleep(600)")
    mark = {"NIGHTSHIFT_LOCAL_HOME": "/a/home"}
    with subprocess.Popen(service, env=mark, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield bare
        process.kill()


def test_an_environment_is_not_changed_under_running_services(in_use: Path) -> None:
    (in_use / "requirements.txt").write_text("two\n")
    (in_use / "plan").write_text("Would uninstall 1 package\n - a==1\n + a==2\n")
    completed = _install(in_use)
    assert (completed.returncode, len(completed.stderr.splitlines())) == (2, 1)
    assert "services run in .venv (process " in completed.stderr
    assert "of /a/home)" in completed.stderr
    assert "type `make down` first" in completed.stderr
    assert not (in_use / "calls").exists()


def test_who_only_looks_goes_on_with_the_old_environment(in_use: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP_RUNNING", "1")
    (in_use / "requirements.txt").write_text("two\n")
    (in_use / "plan").write_text(" - a==1\n")
    completed = _install(in_use)
    assert completed.returncode == 3
    assert "`make down`, then `make up`, installs the new versions" in completed.stderr
    assert not (in_use / "calls").exists()


def test_what_is_installed_already_needs_nothing(in_use: Path) -> None:
    (in_use / "requirements.txt").touch()
    assert _install(in_use).returncode == 0
    assert not (in_use / "calls").exists()


def test_what_is_only_added_is_added_beside_running_services(in_use: Path) -> None:
    (in_use / "requirements.txt").write_text("one\nmore\n")
    (in_use / "plan").write_text("Would install 1 package\n + more==1\n")
    assert _install(in_use).returncode == 0
    assert "--editable" not in (in_use / "calls").read_text()


def test_an_environment_that_was_copied_from_elsewhere_is_made_anew(bare: Path) -> None:
    (bare / ".venv" / "bin").mkdir(parents=True)
    (bare / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (bare / ".venv" / ".made-in").write_text("/the/original\n")
    _program(bare, "df", 'printf "Filesystem 1024-blocks Used Available\\n/dev/x 9 9 9999999\\n"')
    _program(bare, "python3.11", 'echo "$*" >>calls; case "$*" in *--clear*) exit 7;; esac')
    assert _install(bare).returncode == 7
    assert "-m venv --clear .venv" in (bare / "calls").read_text()
