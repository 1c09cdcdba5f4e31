"""Loads the definitions of models from their folders. The only module that knows the package `models`."""

from importlib import import_module
from pathlib import Path

import models
from nightshift.code_digest import digest_files, list_files_below
from nightshift.definition import Model
from nightshift.errors import BadConfig

OWN_FOLDER = Path(models.__file__).parent
"""The folder of the models in this checkout; `NIGHTSHIFT_MODELS` may name others."""
SUITES_FOLDER = Path(__file__).parents[2] / "great_expectations" / "suites"
LONGEST_MESSAGE = 300
"""Characters that are shown of what Python says of a definition."""


def list_folders() -> tuple[Path, ...]:
    """Returns the folders in which models stand, each model in a folder of its own."""
    return tuple(Path(folder) for folder in models.__path__)


def list_names() -> list[str]:
    """Returns the names of all models, sorted: the folders that hold a `definition.py`."""
    return sorted(path.parent.name for folder in list_folders() for path in folder.glob("*/definition.py"))


def load_model(name: str) -> Model:
    """Returns the definition of one model. Raises `BadConfig` if it has no folder or declares another name."""
    if name not in list_names():
        raise BadConfig(f"there is no model {name[:40]!r}; known: {', '.join(list_names())}")
    try:
        model = getattr(import_module(f"models.{name}.definition"), "MODEL", None)
    except BadConfig as error:
        raise BadConfig(f"models/{name}/definition.py: {error}") from error
    except Exception as error:  # whatever Python a person wrote: a definition holds no data, so its text may be shown
        message = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_MESSAGE]
        raise BadConfig(f"models/{name}/definition.py cannot be loaded: {message}") from error
    if not isinstance(model, Model) or model.name != name:
        raise BadConfig(f"include/models/{name}/definition.py must define MODEL = Model(name={name!r}, …)")
    return model


def load_all_models() -> list[Model]:
    """Returns the definition of every model, by name."""
    return [load_model(name) for name in list_names()]


def digest_model(name: str) -> str:
    """Returns a short SHA-256 of a model's folder and its datasets' suites. It changes when the model's code does."""
    own = [
        (str(path.relative_to(folder)), path) for folder in list_folders() for path in list_files_below(folder / name)
    ]
    return digest_files([*own, *_list_suites(name)])


def _list_suites(name: str) -> list[tuple[str, Path]]:
    datasets = load_model(name).datasets if name in list_names() else ()
    suites = {dataset.suite for dataset in datasets if dataset.suite}
    return [(f"suites/{suite}", SUITES_FOLDER / f"{suite}.json") for suite in sorted(suites)]
