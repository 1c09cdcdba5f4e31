"""The object store as the API server reads it, with credentials that can only read."""

from functools import cache

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import StorageSettings, read

RETRY_SECONDS = 3.0
"""Seconds. A person waits for the page, and a web worker too: a step keeps trying for much longer."""


@cache
def store() -> ObjectStore:
    """Returns the object store. Raises `BadConfig` if the API server's environment lacks its settings."""
    return ObjectStore(read(StorageSettings), retry_seconds=RETRY_SECONDS)
