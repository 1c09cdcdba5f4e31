"""The models: one folder each, with a `definition.py` that holds `MODEL`.

They live beside this file, and in the folders that `NIGHTSHIFT_MODELS` names (separated by colons) where a team keeps
its models in a repository of its own.
"""

import hashlib
import os
from importlib import import_module
from pathlib import Path

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
        said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
        raise BadConfig(f"models/{name}/definition.py cannot be loaded: {said}") from error
    if not isinstance(model, Model) or model.name != name:
        raise BadConfig(f"include/models/{name}/definition.py must define MODEL = Model(name={name!r}, …)")
    return model


def digest(name: str) -> str:
    """A short SHA-256 of the Python files in a model's folder: changes when its code does."""
    files = sorted(path for folder in FOLDERS for path in folder.glob(f"{name}/*.py"))
    return hashlib.sha256(b"\0".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:16]


def load_all() -> list[Model]:
    """Every model's definition, by name."""
    return [load(name) for name in names()]
