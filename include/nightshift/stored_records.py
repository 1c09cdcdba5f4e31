"""Writes typed records as JSON and reads them back: results of steps, entries of the ledger, files of a run.

What is stored must have every field that its type requires, each of its type, and no conversion is tried. Fields that
the type does not know are left out: during a rollout old code reads what newer code wrote.
"""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

Record = TypeVar("Record")
MOST_PROBLEMS = 3
"""How many fields that do not fit are named."""


class Misfit(ValueError):
    """Stored bytes are no record of the type. The message names fields and expected types, and quotes no value."""


def to_plain(record: object) -> Any:
    """Returns a record as plain JSON types."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(record, inf_nan_mode="constants")  # json refuses them later, as no JSON


def parse_record(kind: type[Record], data: bytes | str) -> Record:
    """Returns the record that JSON holds. Raises `Misfit` naming what does not fit."""
    from pydantic import ValidationError

    adapted: Any = kind
    try:
        record: Record | None = _build_adapter(adapted).validate_json(data, strict=True)
    except ValidationError as error:
        raise Misfit(_describe(kind, error)) from None  # the original quotes what stands there
    if record is None:
        raise Misfit("the whole: it is null")
    return record


def parse_plain(kind: type[Record], value: object) -> Record:
    """Returns the record that plain JSON types hold. Raises `Misfit` as `parse_record` does."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Misfit("it holds what is no JSON") from None
    return parse_record(kind, text)


@cache
def _build_adapter(kind: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    # A union takes a configuration, and hands it on to the dataclasses within; a dataclass by itself takes none.
    return TypeAdapter(kind | None, config=ConfigDict(allow_inf_nan=False))


def _describe(kind: Any, error: Any) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    names = frozenset(_list_field_names(kind))
    sentences = [f"{_place(problem['loc'], names)}: {problem['msg']}" for problem in problems[:MOST_PROBLEMS]]
    more = len(problems) - len(sentences)
    return "; ".join(sentences) + (f"; and {more} more" if more else "")


def _place(parts: tuple[str | int, ...], names: frozenset[str]) -> str:
    """Returns where a problem is, by the names of fields; the key of a mapping is data and is not shown."""
    shown = [str(part) if isinstance(part, int) or part in names else "…" for part in parts]
    return ".".join(shown) or "the whole"


def _list_field_names(kind: Any) -> Iterator[str]:
    """Yields the names of the fields of a type and of the types within it."""
    for inner in get_args(kind):
        yield from _list_field_names(inner)
    origin = getattr(kind, "__origin__", kind)
    if isinstance(origin, type) and is_dataclass(origin):
        hints = get_type_hints(origin)
        for field in fields(origin):
            yield field.name
            yield from _list_field_names(hints[field.name])
