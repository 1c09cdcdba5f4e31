"""The expectation suites in `great_expectations/suites/`: Great Expectations' own JSON, read without importing it.

A suite may ask for what depends on the night with `{"$PARAMETER": name}`: `night` (the partition's date, a datetime
without zone), `first_day` (the same of the first day of a partition that holds several), `day_begin` and `day_end`
(every instant of those dates anywhere lies between them), `rows_min` and `rows_max` (from recent validated nights; the
policy stands in the suite's `meta.volume`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightshift.core.volume import VolumePolicy
from nightshift.definition import NAME
from nightshift.errors import BadConfig

FOLDER = Path(__file__).parents[3] / "great_expectations" / "suites"
PLACEHOLDER = "$PARAMETER"


@dataclass(frozen=True)
class Suite:
    """One suite as it stands in its file. `digest` changes with any byte of the file."""

    name: str
    document: Mapping[str, Any]
    digest: str

    @property
    def size(self) -> int:
        """How many expectations the suite has."""
        return len(self.document["expectations"])

    @property
    def volume(self) -> VolumePolicy:
        """How many rows the suite tolerates. Raises `BadConfig` when `meta.volume` is written wrongly."""
        fields = self.document.get("meta", {}).get("volume", {})
        try:
            return VolumePolicy(**{name: tuple(bounds) for name, bounds in fields.items()})
        except TypeError as error:
            wanted = "{share: [low, high], first: [low, high]}"
            raise BadConfig(f"suite {self.name}: meta.volume must look like {wanted}") from error

    def expectations(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The expectations with every parameter filled in. Raises `BadConfig` for one that is not known."""
        return [_filled(expectation, parameters, self.name) for expectation in self.document["expectations"]]


def load(name: str) -> Suite:
    """The suite of that name. Raises `BadConfig` when its file is missing or is no suite."""
    path = FOLDER / f"{name}.json"
    if not NAME.match(name) or not path.is_file():
        raise BadConfig(f"there is no suite {name[:40]!r}: expected it in great_expectations/suites/ as <name>.json")
    data = path.read_bytes()
    try:
        document = json.loads(data)
        if not document["expectations"] or not all("type" in e and "kwargs" in e for e in document["expectations"]):
            raise ValueError("every expectation needs type and kwargs")
    except (ValueError, KeyError, TypeError) as error:
        raise BadConfig(f"great_expectations/suites/{name}.json is not an expectation suite: {error}") from error
    return Suite(name, document, hashlib.sha256(data).hexdigest()[:16])


def _filled(value: Any, parameters: Mapping[str, Any], suite: str) -> Any:
    if isinstance(value, dict):
        if set(value) == {PLACEHOLDER}:
            return _parameter(value[PLACEHOLDER], parameters, suite)
        return {key: _filled(item, parameters, suite) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, parameters, suite) for item in value]
    return value


def _parameter(name: str, parameters: Mapping[str, Any], suite: str) -> Any:
    if name not in parameters:
        raise BadConfig(f"suite {suite} asks for the parameter {name!r}; known: {', '.join(sorted(parameters))}")
    return parameters[name]
