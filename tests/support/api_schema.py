"""Objects against the API of the Kubernetes release that the installed client was generated from."""

from __future__ import annotations

import re
from typing import Any

from kubernetes import client

KINDS = {
    ("v1", "Namespace"): "V1Namespace",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "ResourceQuota"): "V1ResourceQuota",
    ("v1", "LimitRange"): "V1LimitRange",
    ("v1", "Pod"): "V1Pod",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("rbac.authorization.k8s.io/v1", "Role"): "V1Role",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "V1RoleBinding",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}
"""What these manifests may contain. A kind that is not here is a kind that nobody has thought about."""
CONTAINER = re.compile(r"(list|dict)[\[(](?:str, ?)?(.+)[\])]")
SCALARS = {"str": (str,), "datetime": (str,), "bool": (bool,), "int": (int,), "float": (int, float)}


def list_mistakes(value: dict[str, Any]) -> list[str]:
    """Every unknown field, wrong type and missing field of an object."""
    kind = (value.get("apiVersion", ""), value.get("kind", ""))
    if kind not in KINDS:
        return [f"{kind} is no kind that is expected here"]
    return _check_object(KINDS[kind], value, kind[1])


def _check_object(model: str, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path} must be an object"]
    described = getattr(client, model)
    types = {described.attribute_map[name]: kind for name, kind in described.openapi_types.items()}
    actual = [f"{path}.{name} is no field of {model}" for name in value if name not in types]
    for name, item in value.items():
        if name in types:
            actual += _check_value(types[name], item, f"{path}.{name}")
    return actual


def _check_value(kind: str, value: Any, path: str) -> list[str]:
    container = CONTAINER.fullmatch(kind)
    if container and container[1] == "list":
        items = value if isinstance(value, list) else [None]
        return [
            line for index, item in enumerate(items) for line in _check_value(container[2], item, f"{path}[{index}]")
        ]
    if container:
        entries = value if isinstance(value, dict) else {"?": None}
        return [line for name, item in entries.items() for line in _check_value(container[2], item, f"{path}.{name}")]
    if kind in SCALARS:
        right = isinstance(value, SCALARS[kind]) and (kind == "bool" or not isinstance(value, bool))
        return [] if right else [f"{path} must be {kind}, not {value!r}"]
    return [] if kind == "object" else _check_object(kind, value, path)
