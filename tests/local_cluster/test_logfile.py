import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_cluster.shim import logfile
from local_cluster.shim.logfile import LONGEST, LogFile, format_timestamp


def write(path: Path, *pieces: bytes) -> list[bytes]:
    path.unlink(missing_ok=True)
    log = LogFile(str(path))
    for piece in pieces:
        log.write_lines(piece)
    log.close()
    return path.read_bytes().splitlines(keepends=True)


def text(records: list[bytes]) -> bytes:
    """What was written, from the records of it."""
    texts = b""
    for record in records:
        stamp, mark, line = record[:-1].split(b" ", 2)
        assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", stamp)
        texts += line + (b"\n" if mark == b"F" else b"")
    return texts


@given(st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\r", b"")), max_size=6))
def test_nothing_is_lost_however_it_is_cut(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "log"
    path.unlink(missing_ok=True)
    log = LogFile(str(path))
    for piece in pieces:
        log.write_lines(piece)
    log.close()
    records = [record + b"\n" for record in path.read_bytes().split(b"\n")[:-1]]
    assert text(records) == b"".join(pieces)


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_long_lines_are_kept_in_parts(tmp_path: Path, length: int, end: bytes) -> None:
    records = write(tmp_path / "log", b"x" * length + end)
    assert text(records) == b"x" * length + end
    assert max(len(record) for record in records) < LONGEST + 50


def test_a_log_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "LARGEST", 1000)
    records = write(tmp_path / "log", *[b"line\n"] * 1000)
    assert b"log full" in records[-1]
    assert sum(map(len, records)) < 1200


def test_a_moment_has_nine_decimals() -> None:
    assert format_timestamp(1_000_000_005) == "1970-01-01T00:00:01.000000005Z"
