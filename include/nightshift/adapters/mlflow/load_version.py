"""Loading a registered version without trusting what is stored: no pickle, no code, no list of types but ours.

The artifact's own MLmodel names a loader, a format and the types to trust. All of that is data that someone may have
written. So: the format must be the one that `train` writes, the bytes must have the SHA-256 that the version was tagged
with, and skops loads only types of a list that stands elsewhere: in the model's folder for a challenger, and for a
champion in the ledger's entry that promoted it (`promotion.trusted_types`). So another estimator tomorrow does not make
today's champion unreadable.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from nightshift.adapters.mlflow.connection import NotFound
from nightshift.adapters.mlflow.registry import SHA256, Registry, Version
from nightshift.adapters.skops_types import describe_untrusted
from nightshift.errors import BadConfig

FILE = "model.skops"
DESCRIPTION = "MLmodel"
LOADER = "mlflow.sklearn"
FORMAT = "skops"


@dataclass(frozen=True)
class Loaded:
    """A version ready to predict. `columns`: the features it was trained on, in order."""

    version: Version
    estimator: Any
    columns: tuple[str, ...]


def load(registry: Registry, version: Version, trusted: Sequence[str]) -> Loaded:
    """One version, verified. Raises `BadConfig` for one that is refused, `TryLater` when MLflow fails."""
    columns = load_columns(registry, version)
    return Loaded(version, _load_estimator(_load_verified_file(registry, version), version, trusted), columns)


def load_columns(registry: Registry, version: Version) -> tuple[str, ...]:
    """The features that a version was trained on. Raises `BadConfig` unless it is stored as `train` stores one."""
    description = yaml.safe_load(_load_file(registry, version, DESCRIPTION))
    flavors = description.get("flavors", {}) if isinstance(description, dict) else {}
    sklearn_flavor, python_flavor = flavors.get("sklearn", {}), flavors.get("python_function", {})
    if sklearn_flavor.get("serialization_format") != FORMAT or sklearn_flavor.get("pickled_model") != FILE:
        raise BadConfig(
            f"{_name_version(version)} is refused: it is not stored as {FORMAT}, so that loading it could run code"
        )
    if python_flavor.get("loader_module") != LOADER or python_flavor.get("code") or sklearn_flavor.get("code"):
        raise BadConfig(f"{_name_version(version)} is refused: it wants a loader or code of its own")
    inputs = json.loads(description.get("signature", {}).get("inputs", "[]"))
    return tuple(column["name"] for column in inputs)


def select_columns(registry: Registry, version: Version, features: pd.DataFrame) -> pd.DataFrame:
    """The features that a version was trained on, in its order. Raises `BadConfig` when one is no longer made."""
    return _select_columns(version, load_columns(registry, version), features)


def select_matrix(loaded: Loaded, features: pd.DataFrame) -> pd.DataFrame:
    """As `select_columns`, for a version that is loaded."""
    return _select_columns(loaded.version, loaded.columns, features)


def _select_columns(version: Version, columns: tuple[str, ...], features: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in columns if column not in features]
    if missing:
        remedy = "make them again, named in RETIRED in features.py, until a challenger without them has won"
        raise BadConfig(f"{_name_version(version)} needs the features {', '.join(missing)}, which are gone: {remedy}")
    return features[list(columns)]


def _load_verified_file(registry: Registry, version: Version) -> bytes:
    data, expected_digest = _load_file(registry, version, FILE), version.tags.get(SHA256)
    if not expected_digest:
        raise BadConfig(f"{_name_version(version)} is refused: it has no tag {SHA256}, so nobody can tell what it was")
    actual_digest = hashlib.sha256(data).hexdigest()
    if actual_digest != expected_digest:
        raise BadConfig(
            f"{_name_version(version)} is refused: digest error, "
            f"{FILE} is {actual_digest[:12]}…, tagged {expected_digest[:12]}…"
        )
    return data


def _load_file(registry: Registry, version: Version, name: str) -> bytes:
    try:
        return registry.server.load_artifact(f"{registry.build_files_path(version)}/{name}")
    except NotFound as error:
        raise BadConfig(f"{_name_version(version)} is refused: it has no file {name}") from error


def _load_estimator(data: bytes, version: Version, trusted: Sequence[str]) -> Any:
    import skops.io

    try:
        lacking = sorted(set(skops.io.get_untrusted_types(data=data)) - set(trusted))
        if not lacking:
            return skops.io.loads(data, trusted=list(trusted))
    except Exception as error:  # what a damaged or hostile file makes the reader raise is no bug of this step
        why = f"{FILE} is no model that can be read here ({type(error).__name__})"
        raise BadConfig(f"{_name_version(version)} is refused: {why}: a class or a package of it may be gone") from None
    raise BadConfig(f"{_name_version(version)} is refused: {describe_untrusted(lacking)}")


def _name_version(version: Version) -> str:
    return f"version {version.number} of model {version.model}"
