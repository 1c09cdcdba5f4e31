"""Where the results of steps are kept."""

import json
from dataclasses import fields, replace
from datetime import date
from typing import Any

from nightshift.adapters.s3.object_store import ObjectStore, as_json
from nightshift.errors import BadConfig, TryLater
from nightshift.instants import read_instant
from nightshift.result import Result, key_of

KINDS: dict[str, Any] = {"seconds": (int, float), "detail": dict, "failed_since": (dict, type(None))}
"""What a field of a result must be; text unless it is named here."""
KEPT_OF_FAILURE = ("outcome", "summary", "started", "code_version", "caused_by")
ANSWERS = frozenset({"done", "rejected", "nothing_to_do"})
"""Outcomes that say something about the night. All others say that a run could not do its work."""
LOOKS = 3
"""How often the stored result may change while a failure is put beside it."""


def save(store: ObjectStore, result: Result) -> str:
    """Stores a result, over that of an earlier attempt. Returns its URI.

    A run that could not do its work does not undo what an earlier one did: the earlier result stays, with the failure
    beside it as `failed_since`. Raises `TryLater` when the store fails.
    """
    uri = store.uri(key_of(result.model, date.fromisoformat(result.night), result.verb))
    if result.outcome in ANSWERS:
        store.put_json(uri, result.as_dict())
    else:
        _save_failure(store, uri, result)
    return uri


def _save_failure(store: ObjectStore, uri: str, failure: Result) -> None:
    for _ in range(LOOKS):
        stored = store.get_tagged(uri)
        answer = None if stored is None else _parse_answer(stored[0], failure)
        if stored is None or answer is None:
            store.put_json(uri, failure.as_dict())
            return
        beside = replace(answer, failed_since={name: str(getattr(failure, name)) for name in KEPT_OF_FAILURE})
        if store.put_if_match(uri, as_json(beside.as_dict()), stored[1]):
            return
    raise TryLater(f"{uri} changed {LOOKS} times while a failure was to be stored beside it")


def _parse_answer(data: bytes, failure: Result) -> Result | None:
    """What an earlier run of the same step of the same night answered; None when it is no such thing."""
    try:
        found = Result(**json.loads(data))
    except (TypeError, ValueError):
        return None
    same = (found.model, found.night, found.verb) == (failure.model, failure.night, failure.verb)
    return found if same and found.outcome in ANSWERS else None


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
    if result.started:
        read_instant(result.started)
    for entry in result.detail.get("datasets", []) if result.verb == "validate" else []:
        if not all(isinstance(entry[name], str) for name in ("dataset", "night")):
            raise TypeError("a dataset of the result has no name, or no night")
        date.fromisoformat(entry["night"])
