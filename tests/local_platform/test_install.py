"""What a bare machine lacks is one sentence, and two installations never work on one environment."""

import shutil
import subprocess
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
        if found := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def _program(bare: Path, name: str, text: str) -> None:
    path = bare / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _install(bare: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": str(bare / "bin"), "HOME": str(bare)}
    command = ("sh", "tools/install", ".venv", "requirements.txt")
    return subprocess.run(command, cwd=bare, env=environment, capture_output=True, text=True, check=False, timeout=60)


def _said(bare: Path) -> str:
    done = _install(bare)
    assert done.returncode == 2
    assert not (bare / ".venv").exists()
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


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
            assert "another installation into .venv is under way" in _said(bare)
        finally:
            holder.terminate()
