"""Builds a new version of an object from a client's change: what it may change, and what stays."""

from __future__ import annotations

from typing import Any

from local_cluster import defaults, schema, validation
from local_cluster.errors import Conflict, Invalid
from local_cluster.resources import Resource

Object = dict[str, Any]
# Metadata that only the server sets; values from clients are ignored.
SERVER_FIELDS = (
    "uid",
    "creationTimestamp",
    "generateName",
    "namespace",
    "name",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "resourceVersion",
    "managedFields",
    "selfLink",
    "generation",
)
IMMUTABLE = [("data", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set")]


def build_update(resource: Resource, old: Object, changed: Object, part: str) -> Object:
    """Returns the next version of an object, or of its `status` only.

    Raises ApiError 409 when the change was made to an older version, 422 when it is not allowed.
    """
    item, _ = schema.prune(resource.kind, changed)
    _check_version(resource, old, item.get("metadata") or {})
    if part == "status":
        return {**old, "status": item.get("status") or {}}
    item |= {"apiVersion": "v1", "kind": resource.kind, "metadata": _merge_metadata(old, item.get("metadata") or {})}
    if "status" in old:
        item["status"] = old["status"]
    if resource.plural == "pods" and "nodeName" in old["spec"]:
        item["spec"] = {"nodeName": old["spec"]["nodeName"], **(item.get("spec") or {})}
    defaults.fill_in(resource.plural, item)
    validation.check(resource, item)
    if resource.plural == "pods":
        validation.check_pod_change(old, item)
    if old.get("immutable") and any(old.get(field) != item.get(field) for field in ("data", "binaryData", "immutable")):
        raise Invalid(resource.kind, old["metadata"]["name"], IMMUTABLE)
    return item


def _merge_metadata(old: Object, changed: Object) -> Object:
    server_fields = {field: value for field, value in old["metadata"].items() if field in SERVER_FIELDS}
    return server_fields | {field: value for field, value in changed.items() if field not in SERVER_FIELDS}


def _check_version(resource: Resource, old: Object, metadata: Object) -> None:
    for field in ("resourceVersion", "uid"):
        if metadata.get(field, "") not in ("", old["metadata"][field]):
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise Conflict(resource.plural, old["metadata"]["name"], why)
