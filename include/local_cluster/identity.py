"""Gives new objects their identity: name, UID, time of creation."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from local_cluster import clock
from local_cluster.resources import Resource

Object = dict[str, Any]
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so that no words result
LONGEST_PREFIX = 248
NOT_FROM_CLIENTS = (
    "resourceVersion",
    "selfLink",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "namespace",
)


def stamp(resource: Resource, namespace: str, item: Object) -> Object:
    """Gives a new object its identity, in place; returns its metadata."""
    item |= {"apiVersion": "v1", "kind": resource.kind}
    metadata: Object = item.setdefault("metadata", {})
    for field in NOT_FROM_CLIENTS:
        metadata.pop(field, None)
    if resource.namespaced:
        metadata["namespace"] = namespace
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(secrets.choice(SUFFIX) for _ in range(5))
        metadata["name"] = metadata["generateName"][:LONGEST_PREFIX] + suffix
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": clock.format_now()}
    return metadata
