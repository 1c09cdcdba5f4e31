"""Creates namespaces with their default service account, and deletes them with everything in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from local_cluster import clock, defaults
from local_cluster.errors import Forbidden, NotFound
from local_cluster.identity import stamp
from local_cluster.resources import RESOURCES, Resource
from local_cluster.store import Store

Object = dict[str, Any]
PERMANENT = ("default", "nightshift")


class Namespaces:
    """Creates and empties namespaces. `delete_pod` begins the deletion of a pod."""

    def __init__(self, store: Store, delete_pod: Callable[[Object], Object]) -> None:
        self._store = store
        self._delete_pod = delete_pod
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Creates the namespaces that always exist, and continues deletions that were interrupted."""
        for name in PERMANENT:
            if self._store.get("namespaces", "", name) is None:
                item: Object = {"metadata": {"name": name}}
                stamp(RESOURCES["namespaces"], "", item)
                defaults.fill_in("namespaces", item)
                self.add(item)
        for namespace in self._store.select("namespaces"):
            if namespace["metadata"].get("deletionTimestamp"):
                self._start_emptying(namespace)

    def add(self, item: Object) -> Object:
        """Stores a new namespace and its default service account."""
        stored = self._store.put("namespaces", item)
        account: Object = {"metadata": {"name": "default"}}
        stamp(RESOURCES["serviceaccounts"], item["metadata"]["name"], account)
        self._store.put("serviceaccounts", account)
        return stored

    def delete(self, namespace: Object) -> Object:
        """Begins the deletion of a namespace. Raises ApiError 403 for `default`."""
        name = namespace["metadata"]["name"]
        if name == "default":
            raise Forbidden("namespaces", name, "this namespace may not be deleted")
        metadata = {**namespace["metadata"], "deletionTimestamp": clock.format_now()}
        marked = self._store.put("namespaces", {**namespace, "metadata": metadata, "status": {"phase": "Terminating"}})
        self._start_emptying(marked)
        return marked

    def check_open(self, resource: Resource, namespace: str, name: str) -> None:
        """Refuses a new object in a namespace that is missing or being deleted. Raises ApiError 404, 403."""
        stored = self._store.get("namespaces", "", namespace)
        if stored is None:
            raise NotFound("namespaces", namespace)
        if stored["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise Forbidden(resource.plural, name, why)

    def _start_emptying(self, namespace: Object) -> None:
        task = asyncio.create_task(self._empty_and_remove(namespace))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _empty_and_remove(self, namespace: Object) -> None:
        """Deletes the objects in a namespace, pods with their grace period, then the namespace."""
        name = namespace["metadata"]["name"]
        with self._store.subscribe() as changes:
            for pod in self._store.select("pods", name):
                self._delete_pod(pod)
            while self._store.select("pods", name):
                await changes.get()
        for resource in RESOURCES.values():
            for item in self._store.select(resource.plural, name) if resource.namespaced else ():
                self._store.remove(resource.plural, item)
        self._store.remove("namespaces", namespace)
