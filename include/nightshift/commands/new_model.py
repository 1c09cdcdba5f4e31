"""`nightshift new-model NAME`: writes the folder of a new model, its suite and its tests: an example to change."""

import argparse
import keyword
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from nightshift import catalog
from nightshift.definition import NAME
from nightshift.errors import DONE, BadConfig, NightshiftError
from nightshift.safe_messages import set_up_logs

log = logging.getLogger("nightshift.new_model")
TEMPLATES = Path(__file__).parent / "new_model_files"
NEEDED = ("pyproject.toml", "include/models/__init__.py", "great_expectations/suites", "tests/models")
"""What a checkout has, and an image has not."""
MODULES = ("__init__.py", "definition.py", "features.py", "estimator.py", "source.py", "requirements.in")


@dataclass(frozen=True)
class Example:
    """What differs between the examples of two tasks: what is predicted, and the bounds of the gate in its units."""

    example: str
    metric: str
    floor: str
    floor_why: str
    slice_loss: str
    gap: str


EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "classification": Example(
            example="whether more than 100 will be asked for at each of forty sites",
            metric="log_loss",
            floor="0.69",
            floor_why="a coin has .693",
            slice_loss="0.03",
            gap="0.2",
        ),
        "regression": Example(
            example="how much will be asked for at each of forty sites",
            metric="mae",
            floor="20.0",
            floor_why="in units of the label: saying the mean of all days has 26",
            slice_loss="2.0",
            gap="10.0",
        ),
    }
)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    set_up_logs("%(message)s")
    try:
        written = write(arguments.name, arguments.task, arguments.folder.resolve())
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    for path in written:
        log.info("wrote %s", path)
    log.info("\n%s", _describe_next_commands(arguments.name, datetime.now(UTC).date()))
    return DONE


def write(name: str, task: str, checkout: Path) -> list[Path]:
    """Writes the files of a new model; returns their paths in the checkout.

    Raises `BadConfig` for a name that is none or is taken, and for a folder that is no checkout or cannot be written.
    """
    _require_name(name)
    lacking = [path for path in NEEDED if not (checkout / path).exists()]
    if lacking:
        raise BadConfig(f"{checkout} is no checkout of Nightshift, it lacks {lacking[0]}: name one with --folder")
    files = _build_files(name, task)
    _require_free(name, files, checkout)
    _write_all({checkout / path: text for path, text in files.items()})
    return list(files)


def _write_all(files: Mapping[Path, str]) -> None:
    """Writes all files and their folders, or none; no file over another."""
    written: list[Path] = []
    created_folders: list[Path] = []
    try:
        for path, text in files.items():
            for folder in _list_missing_folders(path.parent):
                folder.mkdir()
                created_folders.append(folder)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink()
        for folder in reversed(created_folders):
            with suppress(OSError):  # somebody else put something there meanwhile
                folder.rmdir()
        raise BadConfig(f"{error.filename} cannot be written ({error.strerror}): give the right to, or room") from error


def _list_missing_folders(folder: Path) -> list[Path]:
    """The folders that must be made for one to be there, the outermost first."""
    return [] if folder.is_dir() else [*_list_missing_folders(folder.parent), folder]


def _require_name(name: str) -> None:
    if not NAME.match(name) or keyword.iskeyword(name):
        raise BadConfig(
            f"{name[:60]!r} is no name for a model: write up to 40 small letters, digits and underscores that begin "
            "with a letter and are no word of Python, for example parcel_delays"
        )


def _require_free(name: str, files: Mapping[Path, str], checkout: Path) -> None:
    folders = (Path("include/models") / name, Path("tests/models") / name)
    taken = [path for path in (*folders, *files) if (checkout / path).exists()]
    if taken or name in catalog.list_names():
        where = checkout / taken[0] if taken else f"a folder of NIGHTSHIFT_MODELS holds a model {name}"
        raise BadConfig(f"there is a model {name} already ({where}): choose another name, or take that away first")


def _build_files(name: str, task: str) -> dict[Path, str]:
    """The text of every file, by its path in a checkout."""
    folder = Path("include/models") / name
    named = {folder / module: module for module in MODULES}
    named[Path("great_expectations/suites") / f"{name}.json"] = "suite.json"
    named[Path("tests/models") / name / f"test_model_{name}.py"] = "test.py"
    return {path: _fill_template(_find_template(template, task), name, task) for path, template in named.items()}


def _find_template(name: str, task: str) -> str:
    candidates = (TEMPLATES / folder / f"{name}.template" for folder in (task, "every"))
    return next(path for path in candidates if path.exists()).read_text(encoding="utf-8")


def _fill_template(text: str, name: str, task: str) -> str:
    values = {"name": name, "title": name.replace("_", " ").capitalize(), "task": task, **vars(EXAMPLES[task])}
    for word, value in values.items():
        text = text.replace(f"@{word}@", value)
    return text


def _describe_next_commands(name: str, today: date) -> str:
    """The commands that come next: land, validate, train, on the nights that the record was moved to."""
    last = today - timedelta(days=1)
    first = last - timedelta(days=28 + 7 + 7)
    commands = (
        f"nightshift seed {name}",
        f"nightshift validate {name} {first}..{last}",
        f"nightshift train {name} {last}",
    )
    shell = "\n".join(f'  make shell RUN="{command}"' for command in commands)
    return f"`make test` passes as it is. With `make up` running, see it work:\n{shell}"
