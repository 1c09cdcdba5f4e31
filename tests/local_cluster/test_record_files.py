"""Records are written whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from local_cluster import files


def test_a_record_is_replaced_and_private(tmp_path: Path) -> None:
    path = tmp_path / "record"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["record"]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_on_a_full_disk_the_old_record_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "record"
    files.write_atomically(path, b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if call == "replace":
        monkeypatch.setattr(Path, "replace", full)
    elif call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(files, "write_durably", full)
    with pytest.raises(OSError, match="No space") as refused:
        files.write_atomically(path, b"new")
    assert files.is_full(refused.value)
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["record"]


def test_what_a_crash_left_under_the_same_process_id_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f".record.{os.getpid()}{files.UNFINISHED}").write_bytes(b"half of it, and more than the new one")
    files.write_atomically(tmp_path / "record", b"new")
    assert (tmp_path / "record").read_bytes() == b"new"


def test_what_a_crash_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".record.77{files.UNFINISHED}").touch()
    (tmp_path / "other").touch()
    files.remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
