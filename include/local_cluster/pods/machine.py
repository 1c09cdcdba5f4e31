"""The one node of the cluster: this machine."""

from __future__ import annotations

import os
import shutil
from decimal import Decimal
from typing import Any

from local_cluster import clock, quantities
from local_cluster.pods.settings import NODE_NAME

Object = dict[str, Any]


def measure_capacity() -> dict[str, Decimal]:
    """Returns the processors that this process may use, and the memory in bytes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": Decimal(len(os.sched_getaffinity(0))), "memory": Decimal(memory)}


def build_node_object() -> Object:
    """Returns the Node object of this machine."""
    available = measure_capacity()
    amounts = {"cpu": str(available["cpu"]), "memory": f"{int(available['memory']) // 1024}Ki", "pods": "110"}
    amounts["ephemeral-storage"] = f"{shutil.disk_usage('/').total // 1024}Ki"
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "this machine",
        "lastTransitionTime": clock.format_now(),
    }
    system = os.uname()
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE_NAME,
            "uid": "local-node",
            "creationTimestamp": clock.format_now(),
            "labels": build_node_labels(),
        },
        "spec": {},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [{**ready, "lastHeartbeatTime": clock.format_now()}],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NODE_NAME}],
            "nodeInfo": {
                "kernelVersion": system.release,
                "osImage": system.sysname,
                "operatingSystem": "linux",
                "architecture": system.machine,
                "kubeletVersion": "v1.32.0",
                "containerRuntimeVersion": "process://1",
            },
        },
    }


def build_node_labels() -> dict[str, str]:
    """Returns the labels that a nodeSelector can name."""
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    return {"kubernetes.io/os": "linux", "kubernetes.io/arch": architecture, "kubernetes.io/hostname": NODE_NAME}


def find_obstacle(spec: Object) -> str:
    """Returns why this machine cannot run a pod; "" when it can."""
    labels = build_node_labels()
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    for name, available in measure_capacity().items():
        requested = sum(_read_request(container, name) for container in spec["containers"])
        if requested > available:
            return f"0/1 nodes are available: 1 Insufficient {name}."
    return ""


def _read_request(container: Object, name: str) -> Any:
    text = ((container.get("resources") or {}).get("requests") or {}).get(name)
    return quantities.parse(text) if text else 0
