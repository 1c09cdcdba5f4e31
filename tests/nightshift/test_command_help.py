"""The help of `nightshift` and of each command: complete, only its own, and shown without a heavy import."""

import re
import shlex
import subprocess
import sys

import pytest

from nightshift import cli
from nightshift.cli import make_parser
from nightshift.command_list import COMMANDS
from nightshift.definition import VERBS
from nightshift.errors import list_exit_codes
from nightshift.known_variables import SERVICES
from nightshift.known_variables import STEPS as STEP_VARIABLES

OPTIONS = {
    "validate": {"--show-values"},
    "train": {"--show-values"},
    "evaluate": {"--show-values"},
    "promote": {"--show-values", "--decision", "--about", "--decided-by", "--decided-at", "--decided-because"},
    "score": {"--show-values"},
    "history": {"--json", "--check", "--last"},
    "set-champion": {"--reason", "--unverified", "--asked-at"},
    "sync-alias": {"--every", "--answers"},
    "rescore": {"--all"},
    "predictions": {"--uris"},
    "repair": {"--apply", "--accept-end", "--reason"},
    "recheck": {"--last"},
    "explain": {"--format", "--output", "--airflow", "--publish"},
    "check": {"--show-values"},
    "new-model": {"--task", "--folder"},
    "seed": {"--dates", "--until", "--nights", "--corrupt", "--repair"},
}
HEAVY = ("pydantic", "pandas", "pyarrow", "sklearn", "matplotlib", "boto3", "mlflow", "great_expectations", "airflow")
OPTION = re.compile(r"^  (?:-h, )?(--[a-z-]+)", re.MULTILINE)


def _show_help(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main([*argv, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_help_lists_every_command_exit_code_and_variable_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in _show_help(capsys).splitlines()]
    rows = [(parts[0], parts[1]) for parts in lines if len(parts) == 2]
    codes = [(str(code), meaning) for code, meaning in list_exit_codes()]
    names = [name for name, _ in rows]
    assert [name for name in names if name in COMMANDS] == list(COMMANDS)
    assert set(rows) >= {(name, command.summary) for name, command in COMMANDS.items()} | set(codes)
    for variable in (*STEP_VARIABLES, *SERVICES):
        assert names.count(variable.name) == 1
        shown = dict(rows)[variable.name]
        assert shown.startswith(variable.description)
        assert shown.endswith(f"(default: {variable.default})") is bool(variable.default)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_shows_its_own_options_and_no_other(capsys: pytest.CaptureFixture[str], command: str) -> None:
    page = _show_help(capsys, command)
    assert page.startswith(f"usage: nightshift {command} ")
    assert COMMANDS[command].summary[1:] in page
    assert set(OPTION.findall(page)) - {"--help"} == OPTIONS[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_a_command_are_accepted_by_its_parser(command: str) -> None:
    examples = (make_parser(command).epilog or "").removeprefix("examples:\n").splitlines()
    named = []
    for example in examples:
        program, name, *arguments = shlex.split(example, comments=True)
        assert program == "nightshift"
        make_parser(name).parse_args(arguments)
        named.append(name)
    assert command in named


def test_only_validate_takes_a_range_of_nights(capsys: pytest.CaptureFixture[str]) -> None:
    assert {verb for verb in VERBS if "FROM..TO" in _show_help(capsys, verb)} == {"validate"}


def test_help_imports_no_heavy_library_and_nothing_that_a_command_runs() -> None:
    code = f"""
import sys
from nightshift import cli

def show(command):
    try:
        cli.main([command, "--help"])
    except SystemExit:
        pass
    return set(sys.modules)

for command in {list(COMMANDS)!r}:
    loaded = show(command)
    assert f"nightshift.command_lines.{{command.replace('-', '_')}}" in loaded
    assert not loaded & set({HEAVY!r}), command
runs = sorted(name for name in sys.modules if name.startswith(("nightshift.commands", "nightshift.steps")))
assert not runs, runs
"""
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
