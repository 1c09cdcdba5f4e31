"""Records events about pods, for `kubectl describe` and for the operator's error messages."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from local_cluster import clock
from local_cluster.store import Store

Object = dict[str, Any]
KEPT_SECONDS = 3600


class Recorder:
    """Writes events to the store. An event that repeats only increases its count."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[tuple[str, ...], str] = {}

    def record(self, pod: Object, kind: str, reason: str, message: str, container: str = "") -> None:
        """Records an event (`Normal` or `Warning`) about a pod, or about one of its containers.

        `container`: a path such as `spec.containers{main}`.
        """
        metadata = pod["metadata"]
        namespace = metadata["namespace"]
        same = (metadata["uid"], container, reason, message)
        event = self._store.get("events", namespace, self._names.get(same, ""))
        if event is not None:
            self._store.put("events", {**event, "count": event["count"] + 1, "lastTimestamp": clock.format_now()})
            return
        involved = {
            "kind": "Pod",
            "namespace": namespace,
            "name": metadata["name"],
            "uid": metadata["uid"],
            "apiVersion": "v1",
        }
        involved["resourceVersion"] = metadata["resourceVersion"]
        if container:
            involved["fieldPath"] = container
        now = clock.format_now()
        self._names[same] = name = f"{metadata['name'][:200]}.{secrets.token_hex(8)}"
        source = "default-scheduler" if reason in ("Scheduled", "FailedScheduling") else "kubelet"
        self._store.put(
            "events",
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "uid": str(uuid.uuid4()),
                    "creationTimestamp": now,
                },
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "source": {"component": source, "host": "local"},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
                "type": kind,
                "eventTime": None,
                "reportingComponent": source,
                "reportingInstance": "local",
            },
        )

    def discard_old(self) -> None:
        """Removes events after an hour, as Kubernetes does."""
        limit = clock.format_now(-KEPT_SECONDS)
        for event in self._store.select("events"):
            if (event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]) < limit:
                self._store.remove("events", event)
        remaining_names = {event["metadata"]["name"] for event in self._store.select("events")}
        self._names = {same: name for same, name in self._names.items() if name in remaining_names}
