"""Whether a server keeps the conditions of conditional writes: asked before the first such write to a bucket.

A server that ignores `If-None-Match` and `If-Match` lets two writers commit the same entry of the ledger, and nobody
notices. The answer is kept in the bucket, under a name made from the server's address: one read per process afterwards,
and the question is asked again when the address changes.
"""

import hashlib
import threading
from collections.abc import Iterable
from typing import Protocol
from uuid import uuid4

from nightshift.errors import BadConfig

FOLDER = "probes/conditional-writes/"
KEPT = b"kept\n"
NOBODYS = '"00000000000000000000000000000000"'
"""An ETag that the object does not have."""


class Store(Protocol):
    """What the question needs of an object store at `address`."""

    address: str

    def get(self, uri: str) -> bytes | None:
        """The object, or None."""

    def put(self, uri: str, data: bytes, content_type: str = ...) -> None:
        """Writes without a condition."""

    def write_if(self, uri: str, data: bytes, condition: dict[str, str]) -> bool:
        """Writes with a condition. False when it did not hold."""

    def delete(self, uris: Iterable[str]) -> None:
        """Removes objects."""


_kept: set[tuple[str, str]] = set()
_lock = threading.Lock()


def require_conditional_writes(store: Store, bucket: str) -> None:
    """Raises `BadConfig` naming the server unless it keeps both conditions; remembers a server that does."""
    known = (store.address, bucket)
    with _lock:
        if known in _kept:
            return
        answer = f"s3://{bucket}/{FOLDER}{hashlib.sha256(store.address.encode()).hexdigest()[:16]}"
        if store.get(answer) != KEPT:
            _probe(store, bucket, f"{answer}.{uuid4().hex[:12]}")
            store.put(answer, KEPT, "text/plain")
        _kept.add(known)


def _probe(store: Store, bucket: str, uri: str) -> None:
    """Two writers of one key, as they come in a race, then one that read another object."""
    try:
        store.write_if(uri, b"first\n", {"IfNoneMatch": "*"})  # True, or its reply was lost and it met itself
        second = store.write_if(uri, b"second\n", {"IfNoneMatch": "*"})
        third = store.write_if(uri, b"third\n", {"IfMatch": NOBODYS})
    finally:
        store.delete([uri])
    ignored = [name for name, taken in (("If-None-Match", second), ("If-Match", third)) if taken]
    if ignored:
        raise BadConfig(
            f"S3 at {store.address} (NIGHTSHIFT_S3_ENDPOINT) does not keep {' and '.join(ignored)} in bucket "
            f"{bucket!r}: two writers would overwrite each other in silence. Use a server with conditional writes "
            "(docs/production.md), and look for a proxy in between that takes these headers away"
        )
