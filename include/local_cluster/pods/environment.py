"""Builds the environment and the argument vector of a container."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from local_cluster import names, quantities
from local_cluster.pods.machine import measure_capacity

Object = dict[str, Any]
Lookup = Callable[[str, str], Object | None]  # (plural, name) in the pod's namespace

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")
_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")

FIELDS = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName")
ADDRESSES = ("status.hostIP", "status.podIP", "status.podIPs")


class ConfigError(Exception):
    """Something that the container needs is missing; it may come later."""


def build_environment(container: Object, pod: Object, lookup: Lookup) -> dict[str, str]:
    """Returns the variables of a container. Raises ConfigError when a ConfigMap, Secret or key is missing."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        variables |= _read_source(source, lookup)
    for variable in container.get("env") or []:
        if "valueFrom" in variable:
            value = _read_reference(variable["valueFrom"], container, pod, lookup)
        else:
            value = expand(variable.get("value", ""), variables)
        if value is not None:
            variables[variable["name"]] = value
    return variables


def expand(text: str, variables: dict[str, str]) -> str:
    """Replaces `$(NAME)`; `$$(NAME)` becomes `$(NAME)`, and a name without a value stays unchanged."""

    def find_value(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return variables.get(match[2], match[0])

    return _REFERENCE.sub(find_value, text)


def build_arguments(container: Object, variables: dict[str, str]) -> list[str]:
    """Returns the argument vector with its variables expanded."""
    arguments = [*(container.get("command") or []), *(container.get("args") or [])]
    return [expand(argument, variables) for argument in arguments]


def decode_files(kind: str, item: Object) -> dict[str, bytes]:
    """Returns the files of a Secret or ConfigMap."""
    if kind == "secrets":
        return {key: base64.b64decode(value) for key, value in (item.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (item.get("binaryData") or {}).items()}
    return {key: value.encode() for key, value in (item.get("data") or {}).items()} | binary


def _read_source(source: Object, lookup: Lookup) -> dict[str, str]:
    prefix = source.get("prefix", "")
    variables: dict[str, str] = {}
    for field, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if field not in source:
            continue
        item = _find(plural, source[field], lookup)
        for key, value in decode_files(plural, item or {}).items():
            if names.is_variable(prefix + key):
                variables[prefix + key] = value.decode(errors="surrogateescape")
    return variables


def _read_reference(source: Object, container: Object, pod: Object, lookup: Lookup) -> str | None:
    if "fieldRef" in source:
        return read_field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return _read_resource_field(source["resourceFieldRef"], container)
    field, plural = ("configMapKeyRef", "configmaps") if "configMapKeyRef" in source else ("secretKeyRef", "secrets")
    reference = source[field]
    item = _find(plural, reference, lookup)
    if item is None:
        return None
    value = decode_files(plural, item).get(reference["key"])
    if value is None:
        if reference.get("optional"):
            return None
        kind = "ConfigMap" if plural == "configmaps" else "Secret"
        where = f"{pod['metadata']['namespace']}/{reference['name']}"
        raise ConfigError(f"couldn't find key {reference['key']} in {kind} {where}")
    return value.decode(errors="surrogateescape")


def _find(plural: str, reference: Object, lookup: Lookup) -> Object | None:
    item = lookup(plural, reference.get("name", ""))
    if item is None and not reference.get("optional"):
        raise ConfigError(f'{plural.removesuffix("s")} "{reference.get("name", "")}" not found')
    return item


def read_field(pod: Object, path: str) -> str:
    """Returns a field of the pod for the downward API. Raises ConfigError for a field that it does not offer."""
    keyed = _KEYED_FIELD.fullmatch(path)
    if keyed:
        return str((pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
    if path in ADDRESSES:
        return "127.0.0.1"
    part, _, name = path.partition(".")
    if path not in FIELDS:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return str(pod[part].get(name, ""))


def _read_resource_field(reference: Object, container: Object) -> str:
    """Returns a limit or request in units of the divisor, rounded up; without a limit, the machine's capacity."""
    kind, _, name = reference["resource"].partition(".")
    amount = ((container.get("resources") or {}).get(kind) or {}).get(name)
    divisor = quantities.parse(reference.get("divisor") or "1") or Decimal(1)
    value = quantities.parse(amount) if amount is not None else measure_capacity().get(name, Decimal(0))
    return str(math.ceil(value / divisor))
