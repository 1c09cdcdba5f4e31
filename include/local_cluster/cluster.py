"""What can be done to objects: create, replace, patch, delete, with the rules that Kubernetes keeps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from local_cluster import clock, defaults, validation
from local_cluster.errors import already_exists, bad_request, conflict, forbidden, method_not_allowed, not_found
from local_cluster.identity import stamp
from local_cluster.namespaces import Namespaces
from local_cluster.pods.node import Node
from local_cluster.resources import Resource
from local_cluster.store import Store
from local_cluster.updates import updated

Object = dict[str, Any]


class Cluster:
    """The objects and the rules for changing them."""

    def __init__(self, store: Store, node: Node) -> None:
        self.store = store
        self.node = node
        self._namespaces = Namespaces(store, lambda pod: self._delete_pod(pod, None))

    def start(self) -> None:
        """Make the namespaces that always exist, and go on with what was being deleted."""
        self._namespaces.start()

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """One object. Raises ApiError 404."""
        found = self.store.get(resource.plural, namespace, name)
        if found is None:
            raise not_found(resource.plural, name)
        if resource.plural == "pods":
            self.node.attention.pay(found)
        return found

    async def create(self, resource: Resource, namespace: str, body: Object, dry_run: bool) -> Object:
        """Add an object. Raises ApiError."""
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
            raise already_exists(resource.plural, metadata["name"])
        if resource.plural == "pods":
            item["status"] = {"phase": "Pending", "qosClass": _quality(item["spec"])}
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
                found = metadata.get(field)
                why = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {found}"
                raise conflict(resource.plural, metadata["name"], why)
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
        before = pod["metadata"].get("deletionGracePeriodSeconds")
        grace = max(0, grace if before is None else min(grace, before))
        metadata = {**pod["metadata"], "deletionTimestamp": clock.now(grace), "deletionGracePeriodSeconds": grace}
        marked = self.store.put("pods", {**pod, "metadata": metadata})
        self.node.stop(marked, grace)
        return marked

    def _check_account(self, pod: Object) -> None:
        """Refuse a pod whose service account does not exist. Raises ApiError 403."""
        namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
        if self.store.get("serviceaccounts", namespace, account) is None:
            why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise forbidden("pods", pod["metadata"].get("name", ""), why)

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
            why = "the namespace of the provided object does not match the namespace sent on the request"
            raise bad_request(f"{why}: {found} != {namespace}")

    def _update(self, resource: Resource, old: Object, changed: Object, part: str, dry_run: bool) -> Object:
        item = updated(resource, old, changed, part)
        return item if dry_run or item == old else self.store.put(resource.plural, item, must_last=True)


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
