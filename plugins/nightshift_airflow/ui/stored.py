"""The object store as the API server reads it, with credentials that can only read."""

from functools import cache

from nightshift.adapters.storage import ObjectStore
from nightshift.settings import StorageSettings, read

ATTEMPTS = 2
"""A person waits for the page: it says at once that the server is away, where a step would keep trying."""


@cache
def store() -> ObjectStore:
    """The object store. Raises `BadConfig` when the API server's environment lacks its settings."""
    return ObjectStore(read(StorageSettings), attempts=ATTEMPTS)
