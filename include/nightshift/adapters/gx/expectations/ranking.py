"""Puts ranks in place of numbers that a double would round: same order, same equality, and exact as a double."""

from collections.abc import Mapping, Sequence
from typing import Any

from nightshift.adapters.gx.expectations.families import Number, parse_number

BOUNDS = ("min_value", "max_value")
NO_SUCH_VALUE = -1.0
"""The rank of a member of a set that is no number: no value of the column has it."""
Expectation = Mapping[str, Any]


def rank(
    expectation: Expectation, columns: Mapping[str, Sequence[Number | None]], names: Mapping[str, str]
) -> tuple[Expectation, dict[str, list[float | None]]] | None:
    """The expectation over ranks, and the columns that hold these. None when a bound is no number.

    `columns`: the numbers of each column that it is about; `names`: what the column of its ranks is to be called. Old
    columns stay, because a condition on rows may be about them.
    """
    kwargs = expectation["kwargs"]
    bounds = {name: parse_number(kwargs[name]) for name in BOUNDS if kwargs.get(name) is not None}
    if any(bound is None for bound in bounds.values()):
        return None
    numbers = {number for column in columns.values() for number in column if number is not None}
    numbers |= {bound for bound in bounds.values() if bound is not None} | set(_find_members(kwargs))
    ranks = {number: float(place) for place, number in enumerate(sorted(numbers))}
    ranked = {names[name]: [_rank_of(number, ranks) for number in column] for name, column in columns.items()}
    replaced = {name: ranks[bound] for name, bound in bounds.items() if bound is not None}
    changed = {**kwargs, **replaced, **_rank_sets(kwargs, ranks), **_rename(kwargs, names)}
    return {**expectation, "kwargs": changed}, ranked


def _rank_of(number: Number | None, ranks: Mapping[Number, float]) -> float | None:
    return None if number is None else ranks[number]


def _find_members(kwargs: Mapping[str, Any]) -> list[Number]:
    pairs = [member for pair in kwargs.get("value_pairs_set") or () for member in pair]
    numbers = (parse_number(member) for member in [*(kwargs.get("value_set") or ()), *pairs])
    return [number for number in numbers if number is not None]


def _rank_sets(kwargs: Mapping[str, Any], ranks: Mapping[Number, float]) -> dict[str, Any]:
    def place(member: Any) -> float | None:
        number = parse_number(member)
        return None if member is None else NO_SUCH_VALUE if number is None else ranks[number]

    sets: dict[str, Any] = {}
    if kwargs.get("value_set") is not None:
        sets["value_set"] = [place(member) for member in kwargs["value_set"]]
    if kwargs.get("value_pairs_set") is not None:
        sets["value_pairs_set"] = [tuple(place(member) for member in pair) for pair in kwargs["value_pairs_set"]]
    return sets


def _rename(kwargs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed: dict[str, Any] = {n: names[kwargs[n]] for n in ("column", "column_A", "column_B") if n in kwargs}
    if "column_list" in kwargs:
        renamed["column_list"] = [names[name] for name in kwargs["column_list"]]
    return renamed
