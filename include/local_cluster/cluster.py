"""What can be done to objects: create, replace, patch, delete, with the rules that Kubernetes keeps."""

from __future__ import annotations

import asyncio
import copy
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from local_cluster import clock, defaults, schema, validation
from local_cluster.errors import (
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    method_not_allowed,
    not_found,
)
from local_cluster.pods.node import Node
from local_cluster.resources import RESOURCES, Resource
from local_cluster.store import Store

Object = dict[str, Any]
KEPT_METADATA = (
    "uid",
    "creationTimestamp",
    "generateName",
    "namespace",
    "name",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


class Cluster:
    """The objects and the rules for changing them."""

    def __init__(self, store: Store, node: Node) -> None:
        self.store = store
        self.node = node
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Make the two namespaces that always exist, and go on deleting those that were being deleted."""
        for name in ("default", "nightshift"):
            if self.store.get("namespaces", "", name) is None:
                self._add_namespace({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for namespace in self.store.select("namespaces"):
            if namespace["metadata"].get("deletionTimestamp"):
                self._empty(namespace)

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """One object. Raises ApiError 404."""
        found = self.store.get(resource.plural, namespace, name)
        if found is None:
            raise not_found(resource.plural, name)
        return found

    async def create(self, resource: Resource, namespace: str, body: Object, dry_run: bool) -> Object:
        """Add an object. Raises ApiError."""
        self._check_identity(resource, namespace, body)
        item = copy.deepcopy(body)
        metadata = self._stamp(resource, namespace, item)
        defaults.fill_in(resource.plural, item)
        validation.check(resource, item)
        if self.store.get(resource.plural, metadata.get("namespace", ""), metadata["name"]) is not None:
            raise already_exists(resource.plural, metadata["name"])
        if resource.namespaced:
            self._check_namespace(resource, namespace, metadata["name"])
        if resource.plural == "pods":
            item["status"] = {"phase": "Pending", "qosClass": _quality(item["spec"])}
        if dry_run:
            return item
        if resource.plural == "namespaces":
            return self._add_namespace(item)
        stored = self.store.put(resource.plural, item)
        if resource.plural == "pods":
            await self.node.run(stored)
            stored = self.store.get("pods", namespace, metadata["name"]) or stored
        return stored

    def replace(self, resource: Resource, namespace: str, name: str, body: Object, part: str, dry_run: bool) -> Object:
        """Put a new version in the place of an object, or only its `status`. Raises ApiError."""
        self._check_identity(resource, namespace, body)
        if body.get("metadata", {}).get("name", name) != name:
            found = body["metadata"]["name"]
            raise bad_request(f"the name of the object ({found}) does not match the name on the URL ({name})")
        return self._update(resource, self.get(resource, namespace, name), body, part, dry_run)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        part: str,
        dry_run: bool,
    ) -> Object:
        """Change a part of an object. Raises ApiError."""
        old = self.get(resource, namespace, name)
        return self._update(resource, old, change(copy.deepcopy(old)), part, dry_run)

    def delete(self, resource: Resource, item: Object, options: Object) -> Object:
        """Remove an object, a pod after its grace period. Returns what is left of it. Raises ApiError 409 when a
        precondition fails.
        """
        metadata = item["metadata"]
        for field, wanted in (options.get("preconditions") or {}).items():
            if metadata.get(field) != wanted:
                why = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {metadata.get(field)}"
                raise conflict(resource.plural, metadata["name"], why)
        if "All" in (options.get("dryRun") or []):
            return item
        if resource.plural == "namespaces":
            return self._delete_namespace(item)
        if resource.plural == "pods":
            return self._delete_pod(item, options.get("gracePeriodSeconds"))
        self.store.remove(resource.plural, item)
        return item

    def _delete_pod(self, pod: Object, grace: int | None) -> Object:
        if not self.node.is_live(pod["metadata"]["uid"]):
            grace = 0
        if grace is None:
            grace = pod["spec"]["terminationGracePeriodSeconds"]
        before = pod["metadata"].get("deletionGracePeriodSeconds")
        grace = max(0, grace if before is None else min(grace, before))
        metadata = {**pod["metadata"], "deletionTimestamp": clock.now(grace), "deletionGracePeriodSeconds": grace}
        marked = self.store.put("pods", {**pod, "metadata": metadata})
        self.node.stop(marked, grace)
        return marked

    def _delete_namespace(self, namespace: Object) -> Object:
        name = namespace["metadata"]["name"]
        if name == "default":
            raise forbidden("namespaces", name, "this namespace may not be deleted")
        metadata = {**namespace["metadata"], "deletionTimestamp": clock.now()}
        marked = self.store.put("namespaces", {**namespace, "metadata": metadata, "status": {"phase": "Terminating"}})
        self._empty(marked)
        return marked

    def _empty(self, namespace: Object) -> None:
        task = asyncio.create_task(self._empty_and_remove(namespace))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _empty_and_remove(self, namespace: Object) -> None:
        """Delete what is in a namespace, pods with their grace, then the namespace."""
        name = namespace["metadata"]["name"]
        for pod in self.store.select("pods", name):
            self._delete_pod(pod, None)
        while self.store.select("pods", name):
            await asyncio.sleep(0.05)
        for resource in RESOURCES.values():
            for item in self.store.select(resource.plural, name) if resource.namespaced else ():
                self.store.remove(resource.plural, item)
        self.store.remove("namespaces", namespace)

    def _add_namespace(self, item: Object) -> Object:
        """A namespace and the service account that each has."""
        name = item["metadata"]["name"]
        if "uid" not in item["metadata"]:
            self._stamp(RESOURCES["namespaces"], "", item)
            defaults.fill_in("namespaces", item)
        stored = self.store.put("namespaces", item)
        account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        self._stamp(RESOURCES["serviceaccounts"], name, account)
        self.store.put("serviceaccounts", account)
        return stored

    def _stamp(self, resource: Resource, namespace: str, item: Object) -> Object:
        """Give a new object its identity."""
        item |= {"apiVersion": "v1", "kind": resource.kind}
        metadata: Object = item.setdefault("metadata", {})
        for field in (
            "resourceVersion",
            "selfLink",
            "managedFields",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
        ):
            metadata.pop(field, None)
        if resource.namespaced:
            metadata["namespace"] = namespace
        else:
            metadata.pop("namespace", None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"][:248] + "".join(secrets.choice(SUFFIX) for _ in range(5))
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": clock.now()}
        return metadata

    def _check_identity(self, resource: Resource, namespace: str, body: Object) -> None:
        if not resource.writable:
            raise method_not_allowed()
        for field, expected in (("apiVersion", "v1"), ("kind", resource.kind)):
            if body.get(field, expected) != expected:
                raise bad_request(
                    f"{field} in the body ({body[field]!r}) does not match the expected {field} ({expected})"
                )
        found = (body.get("metadata") or {}).get("namespace", namespace)
        if resource.namespaced and found != namespace:
            raise bad_request(
                f"the namespace of the provided object does not match the namespace sent on the request: {found} != {namespace}"
            )

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        found = self.store.get("namespaces", "", namespace)
        if found is None:
            raise not_found("namespaces", namespace)
        if found["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(resource.plural, name, why)

    def _update(self, resource: Resource, old: Object, changed: Object, part: str, dry_run: bool) -> Object:
        item, _ = schema.prune(resource.kind, changed)
        self._check_version(resource, old, item)
        if part == "status":
            item = {**old, "status": item.get("status") or {}}
        else:
            item = self._merge_update(resource, old, item)
        return item if dry_run or item == old else self.store.put(resource.plural, item)

    def _merge_update(self, resource: Resource, old: Object, item: Object) -> Object:
        """The new version without what a client cannot change."""
        name = old["metadata"]["name"]
        metadata = {
            field: value
            for field, value in (item.get("metadata") or {}).items()
            if field not in ("managedFields", "selfLink")
        }
        metadata |= {
            field: old["metadata"][field] for field in (*KEPT_METADATA, "resourceVersion") if field in old["metadata"]
        }
        item |= {"apiVersion": "v1", "kind": resource.kind, "metadata": metadata}
        if "status" in old:
            item["status"] = old["status"]
        if resource.plural == "pods" and item.get("spec", {}).get("nodeName", "") in ("", old["spec"].get("nodeName")):
            item["spec"] = {**item.get("spec", {})} | (
                {"nodeName": old["spec"]["nodeName"]} if "nodeName" in old["spec"] else {}
            )
        defaults.fill_in(resource.plural, item)
        validation.check(resource, item)
        if resource.plural == "pods":
            validation.check_pod_change(old, item)
        if old.get("immutable") and any(
            old.get(field) != item.get(field) for field in ("data", "binaryData", "immutable")
        ):
            raise invalid(
                resource.kind,
                name,
                [("data", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set")],
            )
        return item

    def _check_version(self, resource: Resource, old: Object, item: Object) -> None:
        metadata = item.get("metadata") or {}
        for field in ("resourceVersion", "uid"):
            if metadata.get(field, "") not in ("", old["metadata"][field]):
                why = "the object has been modified; please apply your changes to the latest version and try again"
                raise conflict(resource.plural, old["metadata"]["name"], why)


def _quality(spec: Object) -> str:
    """The quality-of-service class of a pod."""
    resources = [
        container.get("resources") or {} for container in [*spec["containers"], *(spec.get("initContainers") or [])]
    ]
    if not any(resource.get("limits") or resource.get("requests") for resource in resources):
        return "BestEffort"
    full = all(
        set(resource.get("limits") or {}) >= {"cpu", "memory"} and resource["limits"] == resource.get("requests")
        for resource in resources
    )
    return "Guaranteed" if full else "Burstable"
