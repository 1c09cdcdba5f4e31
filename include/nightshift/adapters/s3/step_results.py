"""Where the results of steps are kept."""

from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from nightshift.adapters.s3.object_store import ObjectStore, to_json
from nightshift.errors import BadConfig, TryLater
from nightshift.instants import is_instant
from nightshift.results import DETAIL_TYPES, FailedRun, Result, StepDetail, build_result_key
from nightshift.stored_records import Misfit, parse_record, to_plain

Detail = TypeVar("Detail", bound=StepDetail)
ANSWERS = frozenset({"done", "rejected", "nothing_to_do"})
"""Outcomes that say something about the night. All others say that a run could not do its work."""
LOOKS = 3
"""How often the stored result may change while a failure is put beside it."""


def save(store: ObjectStore, result: Result[Any]) -> str:
    """Stores a result, over that of an earlier attempt. Returns its URI.

    A run that could not do its work does not undo what an earlier one did: the earlier result stays, with the failure
    beside it as `failed_since`. Raises `TryLater` when the store fails.
    """
    uri = store.build_uri(build_result_key(result.model, result.night, result.verb))
    if result.outcome in ANSWERS:
        store.put_json(uri, to_plain(result))
    else:
        _save_failure(store, uri, result)
    return uri


def _save_failure(store: ObjectStore, uri: str, failure: Result[Any]) -> None:
    for _ in range(LOOKS):
        stored = store.get_tagged(uri)
        answer = None if stored is None else _parse_answer(stored[0], failure)
        if stored is None or answer is None:
            store.put_json(uri, to_plain(failure))
            return
        with_failure = replace(answer, failed_since=_describe_failure(failure))
        if store.put_if_match(uri, to_json(to_plain(with_failure)), stored[1]):
            return
    raise TryLater(f"{uri} changed {LOOKS} times while a failure was to be stored beside it")


def _describe_failure(failure: Result[Any]) -> FailedRun:
    return FailedRun(
        outcome=failure.outcome,
        summary=failure.summary,
        started=failure.started,
        code_version=failure.code_version,
        caused_by=failure.caused_by,
    )


def _parse_answer(data: bytes, failure: Result[Any]) -> Result[Any] | None:
    """Returns what an earlier run of the same step of the same night answered; None when it is no such thing."""
    try:
        earlier = _parse(data, DETAIL_TYPES[failure.verb])
    except Misfit:
        return None
    same = (earlier.model, earlier.night, earlier.verb) == (failure.model, failure.night, failure.verb)
    return earlier if same and earlier.outcome in ANSWERS else None


def load(store: ObjectStore, model: str, night: date, kind: type[Detail]) -> Result[Detail | None] | None:
    """Returns the stored result of one step of one night, or None when it never ended. `kind`: the type of its detail.

    Raises `BadConfig` when what is stored there is no such result, or that of another model, night or step: steps can
    write everywhere in the bucket, and who reads a result relies on whose it is.
    """
    verb = kind.verb
    uri = store.build_uri(build_result_key(model, night, verb))
    data = store.get(uri)
    if data is None:
        return None
    again = f"delete it, then run {verb} of {night} again"
    try:
        result: Result[Detail | None] = _parse(data, kind)
    except Misfit as misfit:  # half written, edited by hand, or of an older Nightshift
        raise BadConfig(f"{uri} is no result of a step ({misfit}): {again}") from None
    if (result.model, result.night, result.verb) != (model, night, verb):
        raise BadConfig(f"{uri} holds the result of something else: {again}")
    return result


def load_any(store: ObjectStore, model: str, night: date, verb: str) -> Result[Any] | None:
    """As `load`, for those who show results whatever their step."""
    return load(store, model, night, DETAIL_TYPES[verb])


def _parse(data: bytes, kind: type[Any]) -> Result[Any]:
    result = parse_record(Result[kind | None], data)  # type: ignore[valid-type]
    if result.started and not is_instant(result.started):
        raise Misfit("started: Input should be an instant with a time zone")
    if result.outcome == "done" and result.detail is None:
        raise Misfit("detail: a step that is done has one")
    return result
