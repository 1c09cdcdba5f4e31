"""The command line ends with the exit code of its outcome, and leaves a result whatever happens."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from nightshift import cli
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import Context
from nightshift.errors import BUG, BadConfig, DataRejected, NothingToDo, TryLater
from nightshift.results import Outcome
from support.stored_results import make_train_result

NIGHT = "2013-02-09"


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Context], Outcome[Any]]], None]:
    """Puts a function in the place of the step `train`."""

    def put(run: Callable[[Context], Outcome[Any]]) -> None:
        module = ModuleType("nightshift.steps.train")
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "nightshift.steps.train", module)

    return put


def _raise(error: Exception) -> Callable[[Context], Outcome[Any]]:
    def run(_: Context) -> Outcome[Any]:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "outcome"),
    [
        (DataRejected("3 of 20 expectations failed"), 10, "rejected"),
        (BadConfig("no such column"), 20, "bad_config"),
        (TryLater("S3 is away"), 75, "try_later"),
        (NothingToDo("refused: the gain is too small"), 99, "nothing_to_do"),
        (ZeroDivisionError("division by zero"), 1, "failed"),
    ],
)
def test_each_kind_of_end_has_its_code_and_its_result(
    store: ObjectStore,
    verb: Callable[[Callable[[Context], Outcome[Any]]], None],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    outcome: str,
) -> None:
    verb(_raise(error))
    assert cli.main(["train", "flights", NIGHT]) == code
    stored = step_results.load_any(store, "flights", date(2013, 2, 9), "train")
    assert stored is not None
    assert (stored.outcome, stored.detail) == (outcome, None)
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert (str(error) in last) is (code != BUG)  # of an exception that is not ours only type and line are said
    assert code != BUG or "bug: ZeroDivisionError at nightshift/" in last
    assert outcome in last


def test_a_step_that_ends_well_leaves_its_details(
    store: ObjectStore, verb: Callable[[Callable[[Context], Outcome[Any]]], None]
) -> None:
    verb(lambda step: Outcome(summary=f"trained {step.model.name}", detail=make_train_result(3)))
    assert cli.main(["train", "flights", NIGHT]) == 0
    stored = step_results.load_any(store, "flights", date(2013, 2, 9), "train")
    assert stored is not None
    assert (stored.outcome, stored.summary, stored.detail) == ("done", "trained flights", make_train_result(3))


@pytest.mark.parametrize("error", [NothingToDo("refused"), DataRejected("3 failed"), None])
def test_a_decision_that_could_not_be_stored_is_tried_again(
    store: ObjectStore,
    verb: Callable[[Callable[[Context], Outcome[Any]]], None],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
) -> None:
    verb(_raise(error) if error else lambda _: Outcome(summary="trained", detail=make_train_result()))
    monkeypatch.setenv("NIGHTSHIFT_S3_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "0")
    assert store.bucket
    assert cli.main(["train", "flights", NIGHT]) == TryLater.exit_code


@pytest.mark.parametrize(("model", "night"), [("flihgts", NIGHT), ("flights", "2013-02-30"), ("../etc", NIGHT)])
def test_bad_arguments_touch_nothing(
    store: ObjectStore, capsys: pytest.CaptureFixture[str], model: str, night: str
) -> None:
    assert cli.main(["train", model, night]) == 20
    assert store.list_objects(store.build_uri("runs/")) == []
    assert len(capsys.readouterr().out.strip().splitlines()) == 1


def test_values_are_shown_in_a_terminal_only(store: ObjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "flights", NIGHT, "--show-values"]) == 20
    assert "in an interactive shell only, never in a pod" in capsys.readouterr().out
    assert store.list_objects(store.build_uri("runs/")) == []


def test_an_argument_of_any_length_and_character_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["de\x1bploy\n" + "x" * 2000, "flights", NIGHT])
    last = capsys.readouterr().err.splitlines()[-1]
    assert "\x1b" not in last
    assert len(last) < 600


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["promot", "flights", NIGHT], "there is no command 'promot': did you mean promote?"),
        (["deploy", "flights", NIGHT], "there is no command 'deploy': choose from validate, train, evaluate"),
        (["train", "flights", NIGHT, "--decision", "approved"], "unrecognized arguments: --decision approved"),
        (["train", "flights"], "the following arguments are required: NIGHT"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_wrong_arguments_show_the_usage_and_end_with_20(
    capsys: pytest.CaptureFixture[str], argv: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    assert ended.value.code == BadConfig.exit_code
    printed = capsys.readouterr().err
    assert printed.startswith("usage: nightshift ")
    assert sentence in printed


@pytest.mark.parametrize("option", ["--about=" + "a" * 64, "--decided-by=Ada", "--decided-because=it is better"])
def test_what_goes_with_a_decision_is_refused_without_one(
    store: ObjectStore, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert cli.main(["promote", "flights", NIGHT, option]) == BadConfig.exit_code
    assert "say more about a --decision: give that as well" in capsys.readouterr().out
    assert store.list_objects(store.build_uri("runs/")) == []


def test_a_step_that_is_told_to_end_ends_at_once_also_as_process_one(s3_environment: dict[str, str]) -> None:
    waits = (
        "import time, nightshift.cli as cli; "
        "cli.main = lambda: print('on', flush=True) or time.sleep(60); cli.run_and_exit()"
    )
    environment = {"PATH": os.environ["PATH"], **s3_environment}
    with subprocess.Popen([sys.executable, "-c", waits], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143  # its own exit code, not the -15 of a process that has no handler
