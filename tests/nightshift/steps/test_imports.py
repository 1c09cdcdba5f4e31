"""Imports are the price of a pod: each step pays only for what it uses."""

import subprocess
import sys
from pathlib import Path

import pytest

from nightshift import steps
from nightshift.definition import VERBS

HEAVY = ("pandas", "sklearn", "mlflow", "matplotlib", "great_expectations", "scipy", "pyarrow")
ALLOWED = {
    "train": {"pandas", "pyarrow"},  # a night that is trained already needs no more
    "evaluate": {"pandas", "pyarrow", "scipy", "matplotlib"},
    "promote": set(),
    "score": {"pandas", "pyarrow"},
}


@pytest.mark.parametrize("verb", ALLOWED)
def test_a_step_imports_no_more_than_it_must(verb: str) -> None:
    code = f"import nightshift.commands.steps, nightshift.steps.{verb}, sys; print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in completed.stdout.split() if name in HEAVY} <= ALLOWED[verb]


@pytest.mark.parametrize("command", ["set_champion", "sync_alias", "history", "repair"])
def test_a_command_about_the_champion_imports_nothing_heavy(command: str) -> None:
    code = f"import nightshift.cli, nightshift.commands.{command}, sys; print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in completed.stdout.split() if name in HEAVY} == set()


def test_the_steps_are_one_file_per_verb_and_nothing_else() -> None:
    files = {path.stem for path in Path(*steps.__path__).iterdir() if path.name != "__pycache__"}
    assert files == {"__init__", *VERBS}


def test_jsonschema_brings_no_grammars() -> None:
    """Installed with its formats, it parses a grammar for three seconds in every process of Airflow."""
    locked = (Path(__file__).parents[3] / "requirements-dev.txt").read_text()
    assert "rfc3987-syntax" not in locked
