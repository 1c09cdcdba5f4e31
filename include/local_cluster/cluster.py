"""The operations on objects: create, replace, patch, delete, with the rules of Kubernetes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from local_cluster import clock, defaults, validation
from local_cluster.errors import AlreadyExists, BadRequest, Conflict, Forbidden, MethodNotAllowed, NotFound
from local_cluster.identity import stamp
from local_cluster.namespaces import Namespaces
from local_cluster.pods.node import Node
from local_cluster.resources import Resource
from local_cluster.store import Store
from local_cluster.updates import build_update

Object = dict[str, Any]


class Cluster:
    """The objects and the rules for changing them."""

    def __init__(self, store: Store, node: Node) -> None:
        self.store = store
        self.node = node
        self._namespaces = Namespaces(store, lambda pod: self._delete_pod(pod, None))

    def start(self) -> None:
        """Creates the namespaces that always exist, and continues deletions that were interrupted."""
        self._namespaces.start()

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Returns one object. Raises ApiError 404."""
        item = self.store.get(resource.plural, namespace, name)
        if item is None:
            raise NotFound(resource.plural, name)
        if resource.plural == "pods":
            self.node.watchers.record_read(item)
        return item

    async def create(self, resource: Resource, namespace: str, body: Object, dry_run: bool) -> Object:
        """Creates an object. Raises ApiError."""
        self._check_identity(resource, namespace, body)
        item = copy.deepcopy(body)
        metadata = stamp(resource, namespace, item)
        defaults.fill_in(resource.plural, item)
        if resource.namespaced:
            self._namespaces.check_open(resource, namespace, metadata.get("name", ""))
        if resource.plural == "pods":
            self._check_account(item)
        validation.check(resource, item)
        if self.store.get(resource.plural, metadata.get("namespace", ""), metadata["name"]) is not None:
            raise AlreadyExists(resource.plural, metadata["name"])
        if resource.plural == "pods":
            item["status"] = {"phase": "Pending", "qosClass": _compute_quality(item["spec"])}
        if dry_run:
            return item
        if resource.plural == "namespaces":
            return self._namespaces.add(item)
        stored = self.store.put(resource.plural, item, must_last=True)
        if resource.plural == "pods":
            await self.node.run(stored)
            stored = self.store.get("pods", namespace, metadata["name"]) or stored
        return stored

    def replace(self, resource: Resource, namespace: str, name: str, body: Object, part: str, dry_run: bool) -> Object:
        """Replaces an object, or only its `status`. Raises ApiError."""
        self._check_identity(resource, namespace, body)
        if body.get("metadata", {}).get("name", name) != name:
            body_name = body["metadata"]["name"]
            raise BadRequest(f"the name of the object ({body_name}) does not match the name on the URL ({name})")
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
        """Changes a part of an object. Raises ApiError."""
        old = self.get(resource, namespace, name)
        return self._update(resource, old, change(copy.deepcopy(old)), part, dry_run)

    def delete(self, resource: Resource, item: Object, options: Object) -> Object:
        """Deletes an object, a pod after its grace period. Returns what remains of it.

        Raises ApiError 409 when a precondition fails.
        """
        metadata = item["metadata"]
        for field, expected in (options.get("preconditions") or {}).items():
            if metadata.get(field) != expected:
                actual = metadata.get(field)
                why = f"Precondition failed: {field} in precondition: {expected}, {field} in object meta: {actual}"
                raise Conflict(resource.plural, metadata["name"], why)
        if "All" in (options.get("dryRun") or []):
            return item
        if resource.plural == "namespaces":
            return self._namespaces.delete(item)
        if resource.plural == "pods":
            return self._delete_pod(item, options.get("gracePeriodSeconds"))
        self.store.remove(resource.plural, item)
        return item

    def _delete_pod(self, pod: Object, grace: int | None) -> Object:
        if not self.node.is_live(pod["metadata"]["uid"]):
            grace = 0
        if grace is None:
            grace = pod["spec"]["terminationGracePeriodSeconds"]
        earlier_grace = pod["metadata"].get("deletionGracePeriodSeconds")
        grace = max(0, grace if earlier_grace is None else min(grace, earlier_grace))
        metadata = {
            **pod["metadata"],
            "deletionTimestamp": clock.format_now(grace),
            "deletionGracePeriodSeconds": grace,
        }
        marked = self.store.put("pods", {**pod, "metadata": metadata})
        self.node.stop(marked, grace)
        return marked

    def _check_account(self, pod: Object) -> None:
        """Refuses a pod whose service account does not exist. Raises ApiError 403."""
        namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
        if self.store.get("serviceaccounts", namespace, account) is None:
            why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise Forbidden("pods", pod["metadata"].get("name", ""), why)

    def _check_identity(self, resource: Resource, namespace: str, body: Object) -> None:
        if not resource.writable:
            raise MethodNotAllowed()
        for field, expected in (("apiVersion", "v1"), ("kind", resource.kind)):
            if body.get(field, expected) != expected:
                raise BadRequest(
                    f"{field} in the body ({body[field]!r}) does not match the expected {field} ({expected})"
                )
        body_namespace = (body.get("metadata") or {}).get("namespace", namespace)
        if resource.namespaced and body_namespace != namespace:
            why = "the namespace of the provided object does not match the namespace sent on the request"
            raise BadRequest(f"{why}: {body_namespace} != {namespace}")

    def _update(self, resource: Resource, old: Object, changed: Object, part: str, dry_run: bool) -> Object:
        item = build_update(resource, old, changed, part)
        return item if dry_run or item == old else self.store.put(resource.plural, item, must_last=True)


def _compute_quality(spec: Object) -> str:
    """Returns the quality-of-service class of a pod."""
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
