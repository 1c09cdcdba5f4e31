"""Records who watches a pod: when it was last read, and who follows its log.

A task that runs a pod follows its log or reads its status every few seconds. A pod that carries the annotation below is
ended when no task does so any more. Other clusters ignore the annotation.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Object = dict[str, Any]
ANNOTATION = "local-cluster/unwatched-seconds"
REASON = "Unwatched"


class Watchers:
    """Remembers reads by the UID of the pod, since this server started."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seen: dict[str, float] = {}
        self._followers: Counter[str] = Counter()

    def record_read(self, pod: Object) -> None:
        """Records that a client read or changed the pod."""
        self._seen[pod["metadata"]["uid"]] = time.monotonic()

    @contextmanager
    def follow_log(self, pod: Object) -> Iterator[None]:
        """Records for the block that a client follows the pod's log."""
        uid = pod["metadata"]["uid"]
        self._followers[uid] += 1
        try:
            yield
        finally:
            self._followers[uid] -= 1
            self.record_read(pod)

    def is_unwatched(self, pod: Object, at_least: float = 0) -> bool:
        """Whether no client has read the pod for longer than its annotation allows, and for `at_least` seconds."""
        text = (pod["metadata"].get("annotations") or {}).get(ANNOTATION, "")
        if not (text.isascii() and text.isdecimal()):
            return False
        uid = pod["metadata"]["uid"]
        unseen = time.monotonic() - self._seen.get(uid, self._began)
        return not self._followers[uid] and unseen > max(int(text), at_least)

    def forget(self, uid: str) -> None:
        """Forgets a pod that is gone."""
        self._seen.pop(uid, None)
        self._followers.pop(uid, None)
