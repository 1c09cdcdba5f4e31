"""Where the results of steps are kept."""

from datetime import date

from nightshift.adapters.storage import ObjectStore
from nightshift.errors import BadConfig
from nightshift.result import Result, key_of


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
    found = store.get_json(uri)
    if found is None:
        return None
    try:
        result = Result(**found)
    except TypeError as error:
        raise BadConfig(f"{uri} is no result of a step: delete it, then run {verb} of {night} again") from error
    if (result.model, result.night, result.verb) != (model, night.isoformat(), verb):
        raise BadConfig(f"{uri} holds the result of something else: delete it, then run {verb} of {night} again")
    return result
