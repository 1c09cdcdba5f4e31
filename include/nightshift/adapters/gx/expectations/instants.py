"""Turns the dates and times that a suite writes as text into instants, where the column holds instants."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightshift.adapters.gx.expectations.families import parse_instant

BOUNDS = ("min_value", "max_value")


@dataclass(frozen=True)
class Written:
    """The arguments of an expectation with instants in them. `zones`: whether these have a time zone."""

    kwargs: dict[str, Any]
    zones: frozenset[bool]


def convert_instants(kwargs: Mapping[str, Any], names: Sequence[str], instants: Collection[str]) -> Written | None:
    """The arguments converted, or None when something is compared with an instant that is none.

    `names`: the columns of the expectation; `instants`: those that hold instants.
    """
    zones: set[bool] = set()

    def convert(constant: Any, name: str) -> Any:
        if constant is None or name not in instants:
            return constant
        instant = parse_instant(constant)
        if instant is None:
            raise ValueError
        zones.add(instant.tzinfo is not None)
        return instant

    changed = dict(kwargs)
    try:
        for bound in (bound for bound in BOUNDS if bound in kwargs):
            changed[bound] = convert(kwargs[bound], names[0])
        if kwargs.get("value_set") is not None:
            changed["value_set"] = [convert(constant, names[0]) for constant in kwargs["value_set"]]
        if kwargs.get("value_pairs_set") is not None:
            pairs = (zip(pair, names, strict=False) for pair in kwargs["value_pairs_set"])
            changed["value_pairs_set"] = [tuple(convert(constant, name) for constant, name in pair) for pair in pairs]
    except ValueError:
        return None
    return Written(changed, frozenset(zones))
