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
from decimal import Decimal
from functools import lru_cache
from typing import Any

from nightshift import catalog
from nightshift.adapters.gx.suite_check import PLACEHOLDER, refuse_repeated, require_sound
from nightshift.core.volume import VolumePolicy
from nightshift.definition import NAME
from nightshift.errors import BadConfig


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
            return VolumePolicy(**{name: _parse_bounds(bounds) for name, bounds in fields.items()})
        except (TypeError, ValueError, AttributeError) as error:
            expected_form = (
                "{share: [low, high], first: [low, high]}, with numbers, low no higher than high and none below 0"
            )
            file = f"great_expectations/suites/{self.name}.json"
            raise BadConfig(f"{file}: meta.volume must look like {expected_form}") from error

    def list_expectations(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The expectations with every parameter filled in. Raises `BadConfig` for one that is not known."""
        return [_fill_parameters(expectation, parameters, self.name) for expectation in self.document["expectations"]]


def load(name: str) -> Suite:
    """The suite of that name. Raises `BadConfig` when its file is missing or is no suite."""
    path = catalog.SUITES_FOLDER / f"{name}.json"
    if not NAME.match(name) or not path.is_file():
        raise BadConfig(f"there is no suite {name[:40]!r}: expected it in great_expectations/suites/ as <name>.json")
    return _parse(name, path.read_bytes())


@lru_cache(maxsize=32)
def _parse(name: str, data: bytes) -> Suite:
    """The suite in a file's bytes; kept, because the validation of many nights asks for it every time."""
    file = f"great_expectations/suites/{name}.json"
    try:
        document = json.loads(
            data, object_pairs_hook=refuse_repeated, parse_float=_parse_number, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise BadConfig(f"{file} is not an expectation suite: {error}") from error
    require_sound(document, file)
    suite = Suite(name, document, hashlib.sha256(data).hexdigest()[:16])
    _ = suite.volume
    return suite


def check(name: str) -> None:
    """Raises `BadConfig` for a suite that could not run, as far as that can be known without data.

    Reads one file, and imports nothing heavy.
    """
    load(name)


def _parse_bounds(bounds: Any) -> tuple[Any, Any]:
    """Two bounds. Raises `ValueError` or `TypeError` for what is none."""
    low, high = bounds
    if isinstance(low, bool) or isinstance(high, bool) or isinstance(bounds, str) or not 0 <= low <= high:
        raise ValueError
    return low, high


def _parse_number(text: str) -> float | Decimal:
    """A number with a fraction: a double, unless it has more digits than one keeps."""
    return float(text) if Decimal(repr(float(text))) == Decimal(text) else Decimal(text)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _fill_parameters(value: Any, parameters: Mapping[str, Any], suite: str) -> Any:
    if isinstance(value, dict):
        if set(value) == {PLACEHOLDER}:
            return _get_parameter(value[PLACEHOLDER], parameters, suite)
        return {key: _fill_parameters(item, parameters, suite) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill_parameters(item, parameters, suite) for item in value]
    return value


def _get_parameter(name: str, parameters: Mapping[str, Any], suite: str) -> Any:
    if name not in parameters:
        raise BadConfig(f"suite {suite} asks for the parameter {name!r}; known: {', '.join(sorted(parameters))}")
    return parameters[name]
