"""Where the results of steps are kept."""

import json
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from nightshift.adapters.storage import ObjectStore
from nightshift.errors import BadConfig
from nightshift.result import Result, key_of

KINDS: dict[str, Any] = {"seconds": (int, float), "detail": dict}
"""What a field of a result must be; text unless it is named here."""


def save(store: ObjectStore, result: Result) -> str:
    """Stores a result, over that of an earlier attempt. Returns its URI."""
    uri = store.uri(key_of(result.model, date.fromisoformat(result.night), result.verb))
    store.put_json(uri, result.as_dict())
    return uri


def load(store: ObjectStore, model: str, night: date, verb: str) -> Result | None:
    """The stored result of one step of one night, or None when it never ended.

    Raises `BadConfig` when what is stored there is no result, or that of another model, night or step: steps can write
    everywhere in the bucket, and who reads a result relies on whose it is.
    """
    uri = store.uri(key_of(model, night, verb))
    data = store.get(uri)
    if data is None:
        return None
    try:
        result = Result(**json.loads(data))
        _require_sound(result)
    except (ValueError, TypeError, KeyError, RecursionError):
        # Half written, or edited by hand. `from None`: the original may quote what stands there.
        raise BadConfig(f"{uri} is no result of a step: delete it, then run {verb} of {night} again") from None
    if (result.model, result.night, result.verb) != (model, night.isoformat(), verb):
        raise BadConfig(f"{uri} holds the result of something else: delete it, then run {verb} of {night} again")
    return result


def _require_sound(result: Result) -> None:
    """Raises `TypeError`, `ValueError` or `KeyError` for a value that is not of its kind: readers rely on them."""
    for field in fields(Result):
        kind = KINDS.get(field.name, str)
        if not isinstance(getattr(result, field.name), kind):
            raise TypeError(f"{field.name} is no {kind}")
    if result.started and datetime.fromisoformat(result.started).tzinfo is None:
        raise ValueError("started has no time zone")
    for entry in result.detail.get("datasets", []) if result.verb == "validate" else []:
        if not all(isinstance(entry[name], str) for name in ("dataset", "night")):
            raise TypeError("a dataset of the result has no name, or no night")
        date.fromisoformat(entry["night"])
