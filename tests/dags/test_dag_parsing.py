"""Parsing a DAG file is cheap: it imports no library of the steps, and does no I/O of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = ("pandas", "numpy", "sklearn", "mlflow", "great_expectations", "pyarrow", "boto3", "matplotlib")
PROGRAM = """
import json, runpy, sys, time
import airflow.settings
sys.path.append(sys.argv[2])
started = time.process_time()
runpy.run_path(sys.argv[1])
print(json.dumps({"modules": sorted(sys.modules), "seconds": time.process_time() - started}))
"""
FILES = sorted((ROOT / "dags").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_imports_nothing_heavy(path: Path, record_property: Callable[[str, object], None]) -> None:
    command = [sys.executable, "-c", PROGRAM, str(path), str(ROOT / "plugins")]
    completed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    parsed = json.loads(completed.stdout.splitlines()[-1])
    record_property("parse_cpu_seconds", round(parsed["seconds"], 2))
    assert "models.flights.definition" in parsed["modules"], "the program did not parse the file"
    assert not set(HEAVY) & set(parsed["modules"])


def test_there_are_dag_files() -> None:
    assert {path.stem for path in FILES} == {"definitions", "nightly", "replay", "rescore", "set_champion"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_is_short_and_begins_with_its_page(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert lines[0].startswith('"""')
