"""Validates metadata, ConfigMaps, Secrets and changes to pods as Kubernetes does. Pods: see `pod_validation`."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from local_cluster import names
from local_cluster.causes import Cause, describe_invalid, describe_missing
from local_cluster.errors import Invalid
from local_cluster.pod_validation import find_pod_causes
from local_cluster.resources import Resource

Object = dict[str, Any]
LARGEST_DATA = 1024 * 1024  # bytes in a ConfigMap or Secret


def check(resource: Resource, item: Object) -> None:
    """Checks a new object. Raises ApiError 422 that lists every cause."""
    causes = find_metadata_causes(resource, item["metadata"])
    if resource.plural == "pods":
        causes += find_pod_causes(item.get("spec") or {})
    if resource.plural in ("configmaps", "secrets"):
        causes += _find_data_causes(resource.plural, item)
    if causes:
        raise Invalid(resource.kind, item["metadata"].get("name", ""), causes)


def check_pod_change(old: Object, new: Object) -> None:
    """Checks that a change leaves the fixed fields of a pod unchanged. Raises ApiError 422."""
    if _keep_fixed_fields(old["spec"]) == _keep_fixed_fields(new["spec"]):
        return
    message = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`, "
        "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` "
        "(only additions to existing tolerations)"
    )
    raise Invalid("Pod", new["metadata"]["name"], [("spec", "FieldValueForbidden", message)])


def _keep_fixed_fields(spec: Object) -> Object:
    fixed = {
        field: value
        for field, value in spec.items()
        if field not in ("activeDeadlineSeconds", "tolerations") and value != {}
    }
    for field in ("containers", "initContainers"):
        if field in fixed:
            fixed[field] = [{key: value for key, value in item.items() if key != "image"} for item in fixed[field]]
    return fixed


def find_metadata_causes(resource: Resource, metadata: Object) -> list[Cause]:
    """Returns what is wrong with name, labels and annotations."""
    name = metadata.get("name", "")
    causes: list[Cause] = []
    if not name:
        causes.append(describe_missing("metadata.name", "name or generateName is required"))
    elif resource.plural == "namespaces" and not names.is_label(name):
        causes.append(describe_invalid("metadata.name", name, names.LABEL_RULE))
    elif not names.is_subdomain(name):
        causes.append(describe_invalid("metadata.name", name, names.SUBDOMAIN_RULE))
    for key, value in (metadata.get("labels") or {}).items():
        if not names.is_label_key(key):
            causes.append(describe_invalid("metadata.labels", key, "not a qualified name"))
        if not names.is_label_value(value):
            rule = "a valid label must be empty or consist of at most 63 alphanumeric characters, '-', '_' or '.'"
            causes.append(describe_invalid("metadata.labels", value, rule))
    return causes + [
        describe_invalid("metadata.annotations", key, "not a qualified name")
        for key in metadata.get("annotations") or {}
        if not names.is_label_key(key.lower())
    ]


def _find_data_causes(plural: str, item: Object) -> list[Cause]:
    causes: list[Cause] = []
    size = 0
    for field in ("data", "binaryData"):
        for key, value in (item.get(field) or {}).items():
            size += len(value)
            if not names.is_data_key(key):
                rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
                causes.append(describe_invalid(f"{field}[{key}]", key, rule))
            if (plural == "secrets" or field == "binaryData") and not _is_base64(value):
                causes.append((f"{field}[{key}]", "FieldValueInvalid", "Invalid value: must be base64"))
    if size > LARGEST_DATA:
        causes.append(("data", "FieldValueTooLong", f"Too long: must have at most {LARGEST_DATA} bytes"))
    return causes


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
