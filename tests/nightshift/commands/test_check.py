"""`nightshift check` says without data which model is not fine, and values are shown to a person at a terminal only."""

import io

import pytest
from sklearn.svm import LinearSVC

from nightshift import cli
from nightshift.errors import BadConfig
from nightshift.safe_messages import allow_values, show_values
from nightshift.user_code import SHOWN
from support.memory_lake import MemoryLake


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> MemoryLake:
    return MemoryLake(monkeypatch)


def test_check_says_which_model_is_not_fine(
    lake: MemoryLake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nightshift.adapters.gx.suites.load", lambda name: name)
    assert cli.main(["check", "lab"]) == 0
    lake.replace_function("estimator", lambda _: LinearSVC())
    assert cli.main(["check", "lab"]) == 20
    assert cli.main(["check", "nothing"]) == 20
    output = capsys.readouterr().out
    assert "lab: its definition, suites, functions and estimator are fine" in output
    assert "lab: bad_config: commands/test_check.py:" in output
    assert "nothing: bad_config: there is no model 'nothing'" in output


def test_values_are_shown_in_no_pod(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "lab", "--show-values"]) == 20
    assert "in an interactive shell only, never in a pod" in capsys.readouterr().out


def test_a_person_at_a_terminal_may_see_the_exception(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SHOWN, "values", False)
    for name in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{name}", Terminal())
    error = BadConfig("labels() raised KeyError")
    error.__context__ = KeyError("a value")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(BadConfig, match="never in a pod"):
        allow_values()
    show_values(error)
    assert "a value" not in capsys.readouterr().err
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    allow_values()
    show_values(error)
    assert "KeyError: 'a value'" in capsys.readouterr().err
