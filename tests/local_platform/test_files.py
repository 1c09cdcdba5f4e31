"""A file of state is written whole or not at all, and a damaged one counts as lost."""

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from local_platform.files import read_text, set_aside, write_private


def _fail(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", ["fsync", "fchmod", "open"])
def test_on_a_full_disk_the_old_text_stands_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "settings.env"
    write_private(path, "old")
    monkeypatch.setattr(os, call, _fail)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_text_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(str(Path(f"/proc/self/fd/{file}").readlink())))
    write_private(tmp_path / "a", "text")
    assert [Path(name).name for name in synced] == [f".a.{os.getpid()}", tmp_path.name]


def test_only_its_user_reads_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("open to all")
    (tmp_path / "a").chmod(0o644)
    write_private(tmp_path / "a", "secret")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.parametrize("damaged", [b"", b"\n", b"\0\0\0\0", b"\xff\xfe"])
def test_a_damaged_file_counts_as_lost(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "a"
    assert read_text(path) is None
    path.write_bytes(damaged)
    assert read_text(path) is None
    assert set_aside(path).read_bytes() == damaged
    assert not path.exists()
