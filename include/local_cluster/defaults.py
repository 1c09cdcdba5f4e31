"""The values that Kubernetes fills in when a pod or a secret leaves them out."""

from __future__ import annotations

import base64
from typing import Any

Object = dict[str, Any]


def fill_in(plural: str, item: Object) -> None:
    """Fills in the missing values of an object, in place."""
    if plural == "pods":
        _fill_in_pod(item.setdefault("spec", {}))
    elif plural == "secrets":
        item.setdefault("type", "Opaque")
        plain = item.pop("stringData", None) or {}
        if plain or "data" in item:
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
            item["data"] = (item.get("data") or {}) | encoded
    elif plural == "namespaces":
        item["spec"] = {"finalizers": ["kubernetes"]}
        item.setdefault("status", {"phase": "Active"})


def _fill_in_pod(spec: Object) -> None:
    values: Object = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
        "serviceAccountName": spec.get("serviceAccount") or "default",  # the older name of the field
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
    }
    for field, value in values.items():
        spec.setdefault(field, value)
    spec["serviceAccount"] = spec["serviceAccountName"]
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        _fill_in_container(container)
    for volume in spec.get("volumes") or []:
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}
        for kind in ("secret", "configMap"):
            if kind in volume:
                volume[kind].setdefault("defaultMode", 0o644)


def _fill_in_container(container: Object) -> None:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    latest = tag == "latest" or (not tag and "@" not in image)
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    if resources.get("limits"):
        resources["requests"] = resources["limits"] | (resources.get("requests") or {})
    for variable in container.get("env") or []:
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference:
            reference.setdefault("apiVersion", "v1")
