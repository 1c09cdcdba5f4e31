"""The models: one folder each, with a `definition.py` that holds `MODEL`.

They live beside this file, and in the folders that `NIGHTSHIFT_MODELS` names (separated by colons) where a team keeps
its models in a repository of its own.
"""

import os
from importlib import import_module
from pathlib import Path

from nightshift.adapters.gx import suites
from nightshift.code_digest import digest_files, files_below
from nightshift.definition import Model
from nightshift.errors import BadConfig

FOLDER = Path(__file__).parent
FOLDERS = (FOLDER, *(Path(name) for name in os.environ.get("NIGHTSHIFT_MODELS", "").split(":") if name))
LONGEST = 300
"""Characters that are shown of what Python says of a definition."""
__path__ = [str(folder) for folder in FOLDERS]


def names() -> list[str]:
    """The names of all models: the folders that hold a `definition.py`, sorted."""
    return sorted(path.parent.name for folder in FOLDERS for path in folder.glob("*/definition.py"))


def load(name: str) -> Model:
    """The definition of one model. Raises `BadConfig` when there is no such folder or it declares another name."""
    if name not in names():
        raise BadConfig(f"there is no model {name[:40]!r}; known: {', '.join(names())}")
    try:
        model = getattr(import_module(f"models.{name}.definition"), "MODEL", None)
    except BadConfig as error:
        raise BadConfig(f"models/{name}/definition.py: {error}") from error
    except Exception as error:  # whatever Python a person wrote: a definition holds no data, so its text may be shown
        message = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
        raise BadConfig(f"models/{name}/definition.py cannot be loaded: {message}") from error
    if not isinstance(model, Model) or model.name != name:
        raise BadConfig(f"include/models/{name}/definition.py must define MODEL = Model(name={name!r}, …)")
    return model


def digest(name: str) -> str:
    """A short SHA-256 of every file of a model's folder and of its datasets' suites: changes when its code does."""
    own = [(str(path.relative_to(folder)), path) for folder in FOLDERS for path in files_below(folder / name)]
    return digest_files([*own, *_suites(name)])


def _suites(name: str) -> list[tuple[str, Path]]:
    named = {dataset.suite for dataset in load(name).datasets if dataset.suite} if name in names() else set()
    return [(f"suites/{suite}", suites.FOLDER / f"{suite}.json") for suite in sorted(named)]


def load_all() -> list[Model]:
    """Every model's definition, by name."""
    return [load(name) for name in names()]
