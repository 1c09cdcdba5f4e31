"""The columns that `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local_cluster import clock
from local_cluster.resources import Resource

Object = dict[str, Any]
Column = tuple[str, str, int, Callable[[Object], Any]]  # name, type, priority (1: only with -o wide), value


def build_table(resource: Resource, items: list[Object], version: str, include: str) -> Object:
    """Returns a Table. `include`: which part of each object goes with its row: `None`, `Metadata` or `Object`."""
    columns = COLUMNS[resource.plural]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [
            {
                "name": name,
                "type": kind,
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": priority,
            }
            for name, kind, priority, _ in columns
        ],
        "rows": [
            {"cells": [value(item) for *_, value in columns], **_describe_row_object(item, include)} for item in items
        ],
    }


def _describe_row_object(item: Object, include: str) -> Object:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": item}
    return {"object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}}


def _format_age(moment: str | None) -> str:
    if not moment:
        return "<unknown>"
    seconds = int((datetime.now(UTC) - clock.parse(moment)).total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if days < 2:
        return f"{hours}h"
    return f"{days}d"


def _format_ready(pod: Object) -> str:
    states = pod.get("status", {}).get("containerStatuses") or []
    return f"{sum(state['ready'] for state in states)}/{len(pod['spec']['containers'])}"


def _format_status(pod: Object) -> str:
    """Returns the status as `kubectl get pods` shows it."""
    status = pod.get("status", {})
    result = status.get("reason") or status.get("phase", "Pending")
    init = status.get("initContainerStatuses") or []
    for index, container in enumerate(init):
        ended = container["state"].get("terminated")
        if ended and ended["exitCode"] == 0:
            continue
        reason = ended["reason"] if ended else container["state"].get("waiting", {}).get("reason", "")
        if ended or reason not in ("", "PodInitializing"):
            return "Terminating" if _is_deleted(pod) else f"Init:{reason}"
        result = f"Init:{index}/{len(init)}"
        break
    else:
        for container in reversed(status.get("containerStatuses") or []):
            state = container["state"]
            result = (state.get("waiting") or state.get("terminated") or {}).get("reason") or result
    return "Terminating" if _is_deleted(pod) else str(result)


def _is_deleted(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _format_restarts(pod: Object) -> str:
    return str(sum(state["restartCount"] for state in pod.get("status", {}).get("containerStatuses") or []))


def _is_condition_true(item: Object, kind: str) -> bool:
    return any(
        condition["type"] == kind and condition["status"] == "True" for condition in item["status"]["conditions"]
    )


NAME: Column = ("Name", "string", 0, lambda item: item["metadata"]["name"])
AGE: Column = ("Age", "string", 0, lambda item: _format_age(item["metadata"].get("creationTimestamp")))
COLUMNS: dict[str, list[Column]] = {
    "namespaces": [NAME, ("Status", "string", 0, lambda item: item["status"]["phase"]), AGE],
    "pods": [
        NAME,
        ("Ready", "string", 0, _format_ready),
        ("Status", "string", 0, _format_status),
        ("Restarts", "string", 0, _format_restarts),
        AGE,
        ("IP", "string", 1, lambda item: item.get("status", {}).get("podIP", "<none>")),
        ("Node", "string", 1, lambda item: item["spec"].get("nodeName", "<none>")),
        ("Nominated Node", "string", 1, lambda _: "<none>"),
        ("Readiness Gates", "string", 1, lambda _: "<none>"),
    ],
    "configmaps": [
        NAME,
        ("Data", "string", 0, lambda item: str(len(item.get("data") or {}) + len(item.get("binaryData") or {}))),
        AGE,
    ],
    "secrets": [
        NAME,
        ("Type", "string", 0, lambda item: item.get("type", "Opaque")),
        ("Data", "string", 0, lambda item: str(len(item.get("data") or {}))),
        AGE,
    ],
    "serviceaccounts": [NAME, ("Secrets", "string", 0, lambda item: str(len(item.get("secrets") or []))), AGE],
    "events": [
        (
            "Last Seen",
            "string",
            0,
            lambda item: _format_age(item.get("lastTimestamp") or item["metadata"].get("creationTimestamp")),
        ),
        ("Type", "string", 0, lambda item: item.get("type", "")),
        ("Reason", "string", 0, lambda item: item.get("reason", "")),
        (
            "Object",
            "string",
            0,
            lambda item: f"{item['involvedObject'].get('kind', '').lower()}/{item['involvedObject'].get('name', '')}",
        ),
        ("Subobject", "string", 1, lambda item: item["involvedObject"].get("fieldPath", "")),
        ("Source", "string", 1, lambda item: (item.get("source") or {}).get("component", "")),
        ("Message", "string", 0, lambda item: item.get("message", "").strip()),
        ("First Seen", "string", 1, lambda item: _format_age(item.get("firstTimestamp"))),
        ("Count", "string", 1, lambda item: str(item.get("count", 1))),
        ("Name", "string", 1, lambda item: item["metadata"]["name"]),
    ],
    "nodes": [
        NAME,
        ("Status", "string", 0, lambda item: "Ready" if _is_condition_true(item, "Ready") else "NotReady"),
        ("Roles", "string", 0, lambda _: "<none>"),
        AGE,
        ("Version", "string", 0, lambda item: item["status"]["nodeInfo"]["kubeletVersion"]),
    ],
}
