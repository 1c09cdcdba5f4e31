"""Where the results of steps are kept."""

from datetime import date

from nightshift.adapters.storage import ObjectStore
from nightshift.result import Result, key_of


def save(store: ObjectStore, result: Result) -> str:
    """Stores a result, over that of an earlier attempt. Returns its URI."""
    uri = store.uri(key_of(result.model, date.fromisoformat(result.night), result.verb))
    store.put_json(uri, result.as_dict())
    return uri


def load(store: ObjectStore, model: str, night: date, verb: str) -> Result | None:
    """The stored result of one step of one night, or None when it never ended."""
    found = store.get_json(store.uri(key_of(model, night, verb)))
    return None if found is None else Result(**found)
