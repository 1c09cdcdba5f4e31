"""The resources that this server supports."""

from __future__ import annotations

from dataclasses import dataclass

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")


@dataclass(frozen=True)
class Resource:
    """One kind of object of core/v1."""

    plural: str
    kind: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    writable: bool = True
    all_category: bool = False

    @property
    def verbs(self) -> list[str]:
        """The verbs in the discovery documents."""
        return sorted(READ + WRITE) if self.writable else list(READ)


RESOURCES = {
    resource.plural: resource
    for resource in (
        Resource("namespaces", "Namespace", ("ns",), namespaced=False),
        Resource("pods", "Pod", ("po",), all_category=True),
        Resource("configmaps", "ConfigMap", ("cm",)),
        Resource("secrets", "Secret"),
        Resource("events", "Event", ("ev",)),
        Resource("serviceaccounts", "ServiceAccount", ("sa",)),
        Resource("nodes", "Node", ("no",), namespaced=False, writable=False),
    )
}
