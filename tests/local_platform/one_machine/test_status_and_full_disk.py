"""Asking what runs writes nothing, and works on a full disk; so does ending it."""

import errno
import os
from collections import namedtuple
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local_platform import marked_processes
from local_platform.__main__ import main
from local_platform.one_machine import preflight_checks
from local_platform.one_machine.disk_space import describe_shortage
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.supervisor import Supervisor

GIB = 1024**3
Numbers = namedtuple("Numbers", "f_bavail f_frsize f_files f_favail")


def _files(home: Home) -> dict[str, bytes]:
    """Every file of the home but the supervisor's own log."""
    files = (path for path in home.path.rglob("*") if path.is_file() and path.name != "supervisord.log")
    return {str(path): path.read_bytes() for path in files}


@pytest.fixture
def supervised(platform: Platform) -> Iterator[Platform]:
    """A platform whose supervisor runs, and none of its services."""
    for service in platform.services:
        service.directory.mkdir(parents=True, exist_ok=True)
        service.prepare()
    platform.home.lock.touch()
    (platform.home.path / "s3" / "data" / "mini.options").write_text("the server's own")
    Supervisor(platform.home).start(platform.services)
    yield platform
    marked_processes.end_processes_of(platform.home.path)


@pytest.fixture
def full_disk(supervised: Platform, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - runs before
    """Nothing can be written or made any more."""
    real = os.open

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def opened(path: str | Path, flags: int, *rest: object, **more: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse()
        return real(path, flags, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(os, "statvfs", lambda _: Numbers(0, 4096, 10, 10))


def test_status_writes_nothing(supervised: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    before = _files(supervised.home)
    assert main(["status"]) == 1
    assert "scheduler" in capsys.readouterr().out
    assert _files(supervised.home) == before


@pytest.mark.usefixtures("full_disk")
def test_status_on_a_full_disk_says_so(supervised: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 1
    output = capsys.readouterr().out
    assert f"disk full: the disk of {supervised.home.path} has 0 MB left: free some space" in output
    assert "scheduler" in output


@pytest.mark.usefixtures("full_disk")
def test_down_on_a_full_disk_ends_all(supervised: Platform) -> None:
    assert main(["down"]) == 0
    assert marked_processes.find_processes_of(supervised.home.path) == []


@pytest.mark.usefixtures("full_disk")
def test_what_must_write_says_that_the_disk_is_full(supervised: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    assert supervised.home.lock.exists()
    assert main(["up"]) == 2
    assert "cannot go on: disk full: " in capsys.readouterr().out


def test_status_of_a_home_that_was_never_made_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "none"))
    assert main(["status"]) == 1
    assert "nothing runs" in capsys.readouterr().out
    assert main(["logs"]) == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("free", "inodes", "expected"),
    [(2 * GIB, 5, ""), (GIB // 4, 5, "disk nearly full"), (0, 5, "disk full"), (2 * GIB, 0, "can take no more files")],
)
def test_shortage_in_words(monkeypatch: pytest.MonkeyPatch, free: int, inodes: int, expected: str) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: Numbers(free // 4096, 4096, 1000, inodes))
    sentence = describe_shortage(Path("/a/home"))
    assert expected in sentence
    assert bool(sentence) == bool(expected)


def test_the_holder_of_the_lock_is_named(home: Home) -> None:
    with preflight_checks.hold_lock(home):
        assert home.lock.read_text() == str(os.getpid())
    with suppress(FileNotFoundError):
        home.lock.unlink()
