"""The commands say in one sentence what is wrong, and end with a code."""

import socket

import pytest

from local_platform.__main__ import main
from local_platform.marked_processes import find_processes_of
from local_platform.one_machine.home import Home
from local_platform.one_machine.logs import Tail
from local_platform.one_machine.preflight_checks import hold_lock


@pytest.mark.usefixtures("home")
def test_where_nothing_runs_status_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 1
    assert "nothing runs: `make up` starts it" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
def test_where_nothing_runs_down_has_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down"]) == 0
    assert "nothing runs" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
def test_a_misspelt_variable_ends_it_before_anything_starts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_CLUSTR", "external")
    assert main(["up"]) == 2
    assert "did you mean NIGHTSHIFT_CLUSTER?" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_taken_port_ends_it_before_anything_starts(
    home: Home, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    text = home.settings.read_text()
    port = int(text.partition("AIRFLOW_PORT=")[2].partition("\n")[0])
    with socket.create_server(("127.0.0.1", port)):
        assert main([command]) == 2
    output = capsys.readouterr().out
    assert output.startswith(f"cannot go on: port {port} (NIGHTSHIFT_LOCAL_AIRFLOW_PORT) is taken by ")
    assert len(output.splitlines()) == 1
    assert find_processes_of(home.path) == []


def test_a_second_command_at_once_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with hold_lock(home):
        assert main(["demo"]) == 2
    assert "wait until it has ended" in capsys.readouterr().out


def test_an_unknown_log_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.logs / "s3.log").write_text("line\n")
    assert main(["logs", "nonsense"]) == 2
    assert "there is no log of 'nonsense': expected one of s3" in capsys.readouterr().out


def test_a_log_is_followed_line_by_line_also_when_it_was_rotated(home: Home) -> None:
    path = home.logs / "s3.log"
    path.write_text("one\ntwo\nthr")
    tail = Tail(path)
    assert tail.read_new_lines() == ["one", "two"]
    with path.open("a") as file:
        file.write("ee\n")
    assert tail.read_new_lines() == ["three"]
    path.write_text("new\n")
    assert tail.read_new_lines() == ["new"]
    path.unlink()
    assert tail.read_new_lines() == []
