"""Copies of this checkout, to change what a test may not change here, and programs that run in one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def list_files() -> list[Path]:
    """What belongs to the checkout, relative to it: what git follows or would, nothing that it ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted({Path(name) for name in listed if name and (ROOT / name).is_file()})


def copy_files(files: Iterable[Path], to: Path) -> None:
    """Copies these files of the checkout, their folders with them."""
    for file in files:
        (to / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, to / file)


def build_environment(copy: Path) -> dict[str, str]:
    """This process's environment, in which Python finds the packages of the copy before those of the checkout."""
    ours = os.pathsep.join(str(copy / folder) for folder in ("include", "plugins"))
    airflow = {
        "AIRFLOW_HOME": str(copy / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(copy / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(copy / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{copy}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(copy / "airflow" / "logs"),
    }
    return {**os.environ, **airflow, "PYTHONPATH": ours, "PYTHONDONTWRITEBYTECODE": "1"}


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of this environment in the copy: `python`, or a name beside it such as `ruff`."""
    program = sys.executable if arguments[0] == "python" else str(Path(sys.executable).parent / arguments[0])
    return subprocess.run(
        [program, *arguments[1:]], cwd=copy, env=build_environment(copy), capture_output=True, text=True, timeout=800
    )
