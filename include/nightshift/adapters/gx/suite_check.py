"""What can be known to be wrong with a suite without data, and without importing Great Expectations.

Each fault names the file, the number and the type of the expectation, what is wrong and what was expected. All that is
quoted stands in the suite.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from nightshift.adapters.gx.suite_table import EXPECTATIONS, Known
from nightshift.errors import BadConfig

PLACEHOLDER = "$PARAMETER"
PARAMETERS = ("night", "first_day", "day_begin", "day_end", "rows_min", "rows_max")
"""What `validate` fills in."""
SUITE_FIELDS = ("name", "expectations", "meta", "notes", "id", "suite_parameters")
FIELDS = ("type", "kwargs", "meta", "notes", "description", "severity", "id")
MOST_SHOWN = 60
NEITHER_BOUND = frozenset({"expect_column_kl_divergence_to_be_less_than"})
"""Has bounds that the library itself does not use."""


class _Fault(Exception):
    """What is wrong, in words that follow "expectation 3 (its type): "."""


def require_sound(document: Any, file: str) -> None:
    """Raises `BadConfig` for the first fault of a suite. `file`: what to call it."""
    try:
        _require_suite(document)
    except _Fault as fault:
        raise BadConfig(f"{file} is not an expectation suite: {fault}") from None
    for number, expectation in enumerate(document["expectations"], start=1):
        try:
            _require_expectation(expectation)
        except _Fault as fault:
            kind = expectation.get("type") if isinstance(expectation, dict) else None
            named = f" ({_quote(kind)})" if isinstance(kind, str) else ""
            raise BadConfig(f"{file}, expectation {number}{named}: {fault}") from None


def refuse_repeated(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises `ValueError` when a name stands in it twice: JSON keeps the last and says nothing."""
    unique: dict[str, Any] = {}
    for name, value in pairs:
        if name in unique:
            raise ValueError(f"{_quote(name)} stands twice in one object")
        unique[name] = value
    return unique


def _require_suite(document: Any) -> None:
    _require(isinstance(document, dict), "it must be a JSON object")
    _require_known(document, SUITE_FIELDS, "field")
    _require(isinstance(document.get("meta", {}), dict), "meta must be an object")
    expectations = document.get("expectations")
    _require(isinstance(expectations, list) and bool(expectations), "expectations must be a list that is not empty")


def _require_expectation(expectation: Any) -> None:
    _require(isinstance(expectation, dict), "it must be an object with type and kwargs")
    _require_known(expectation, FIELDS, "field")
    kind, kwargs = expectation.get("type"), expectation.get("kwargs")
    _require(isinstance(kind, str) and isinstance(kwargs, dict), "every expectation needs type and kwargs")
    known = EXPECTATIONS.get(kind)
    if known is None:
        raise _Fault(f"there is no such expectation for tables in memory{_suggest(kind, EXPECTATIONS)}")
    _require_arguments(known, kwargs)
    for name in _find_parameters(kwargs):
        _require(name in PARAMETERS, f"there is no parameter {_quote(name)}; known: {', '.join(PARAMETERS)}")
    for name, require in RULES.items():
        if kwargs.get(name) is not None and not _is_parameter(kwargs[name]):
            require(name, kwargs[name])
    _require_bounds(kind, known, kwargs)


def _require_arguments(known: Known, kwargs: Mapping[str, Any]) -> None:
    _require_known(kwargs, sorted(known.allowed), "argument")
    missing = [name for name in known.needed if kwargs.get(name) is None]
    _require(not missing, f"its kwargs lack {', '.join(missing)}")


def _require_bounds(kind: str, known: Known, kwargs: Mapping[str, Any]) -> None:
    if not {"min_value", "max_value"} <= known.allowed or kind in NEITHER_BOUND:
        return
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    _require(low is not None or high is not None, "it has neither min_value nor max_value: nothing could fail")
    if low is not None and high is not None and _is_number(low) and _is_number(high):
        _require(low <= high, f"min_value {low} lies above max_value {high}: nothing could pass")


def _require_bound(name: str, value: Any) -> None:
    """A bound is a number, or a text that is one, or a date or time."""
    try:
        sound = _is_number(value) or (isinstance(value, str) and Decimal(value).is_finite())
    except InvalidOperation:
        sound = _is_date(value)
    _require(sound, f'{name} must be a number, a date such as "2013-02-09", or a parameter')


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _require_share(name: str, value: Any) -> None:
    _require(_is_number(value) and 0 <= value <= 1, f"{name} must be a number from 0 to 1")


def _require_pattern(name: str, value: Any) -> None:
    _require(isinstance(value, str), f"{name} must be a text")
    try:
        re.compile(value)
    except re.error as error:
        raise _Fault(f"{name} is no regular expression: {error.msg} at position {error.pos}") from None


def _require_patterns(name: str, value: Any) -> None:
    _require_list(name, value)
    for pattern in value:
        _require_pattern(name, pattern)


def _require_list(name: str, value: Any) -> None:
    _require(isinstance(value, list) and bool(value), f"{name} must be a list that is not empty")


def _require_pairs(name: str, value: Any) -> None:
    _require_list(name, value)
    _require(all(isinstance(pair, list) and len(pair) == 2 for pair in value), f"{name} must hold lists of two")


def _require_column(name: str, value: Any) -> None:
    _require(isinstance(value, str) and bool(value), f"{name} must name a column")


def _require_columns(name: str, value: Any) -> None:
    _require_list(name, value)
    for column in value:
        _require_column(f"each of {name}", column)


def _require_quantiles(name: str, value: Any) -> None:
    expected_form = f"{name} must look like {{quantiles: [0.5], value_ranges: [[low, high]]}}, with as many of both"
    _require(isinstance(value, dict) and set(value) == {"quantiles", "value_ranges"}, expected_form)
    shares, ranges = value["quantiles"], value["value_ranges"]
    _require(isinstance(shares, list) and isinstance(ranges, list) and len(shares) == len(ranges) > 0, expected_form)
    for share in shares:
        _require_share("each quantile", share)
    for pair in ranges:
        _require(isinstance(pair, list) and len(pair) == 2, expected_form)
        low, high = pair
        if _is_number(low) and _is_number(high):
            _require(low <= high, f"{name} has a range that begins above its end")


RULES: Mapping[str, Callable[[str, Any], None]] = {
    "mostly": _require_share,
    "min_value": _require_bound,
    "max_value": _require_bound,
    "regex": _require_pattern,
    "regex_list": _require_patterns,
    "value_set": _require_list,
    "value_pairs_set": _require_pairs,
    "column": _require_column,
    "column_A": _require_column,
    "column_B": _require_column,
    "column_list": _require_columns,
    "type_list": _require_list,
    "quantile_ranges": _require_quantiles,
}


def _find_parameters(value: Any) -> Iterator[Any]:
    """The name of each parameter that is asked for."""
    if isinstance(value, dict):
        if PLACEHOLDER in value:
            _require(len(value) == 1, f"beside {PLACEHOLDER} nothing else may stand in its object")
            yield value[PLACEHOLDER]
        else:
            yield from (name for inner in value.values() for name in _find_parameters(inner))
    elif isinstance(value, list):
        yield from (name for inner in value for name in _find_parameters(inner))


def _is_parameter(value: Any) -> bool:
    return isinstance(value, dict) and PLACEHOLDER in value


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float | Decimal)


def _require_known(given: Iterable[str], known: Iterable[str], kind: str) -> None:
    for name in given:
        _require(name in known, f"there is no {kind} {_quote(name)}{_suggest(name, known)}")


def _suggest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f": did you mean {close[0]}?" if close else ""


def _quote(name: Any) -> str:
    return repr(name) if len(repr(name)) <= MOST_SHOWN else repr(name)[:MOST_SHOWN] + "..."


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise _Fault(message)
