"""Validates the specification of a pod as Kubernetes does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_cluster import names, quantities
from local_cluster.causes import Cause, describe_duplicate, describe_invalid, describe_missing, describe_unsupported

Object = dict[str, Any]
RESTART_POLICIES = ("Always", "Never", "OnFailure")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def find_pod_causes(spec: Object) -> list[Cause]:
    """Returns everything that is wrong with a pod's specification."""
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(describe_missing("spec.containers"))
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    names_so_far: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            causes += _find_container_causes(f"spec.{field}[{index}]", container, volumes, names_so_far)
    causes += _find_volume_causes(spec.get("volumes") or [])
    causes += _check_choice("spec.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    for field, least in (("activeDeadlineSeconds", 1), ("terminationGracePeriodSeconds", 0)):
        value = spec.get(field)
        if value is not None and not least <= value <= 2**31 - 1:
            causes.append(
                describe_invalid(f"spec.{field}", value, f"must be between {least} and 2147483647, inclusive")
            )
    return causes


def _find_container_causes(path: str, container: Object, volumes: set[Any], names_so_far: set[str]) -> list[Cause]:
    causes = _check_name(f"{path}.name", container.get("name", ""), names_so_far)
    if not container.get("image", "").strip():
        causes.append(describe_missing(f"{path}.image"))
    causes += _check_choice(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    causes += _find_environment_causes(path, container)
    causes += _find_mount_causes(path, container.get("volumeMounts") or [], volumes)
    return causes + _find_resource_causes(f"{path}.resources", container.get("resources") or {})


def _find_environment_causes(path: str, container: Object) -> list[Cause]:
    causes = []
    for index, variable in enumerate(container.get("env") or []):
        place = f"{path}.env[{index}]"
        name = variable.get("name", "")
        if not name:
            causes.append(describe_missing(f"{place}.name"))
        elif not names.is_variable(name):
            causes.append(
                describe_invalid(
                    f"{place}.name",
                    name,
                    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.'",
                )
            )
        source = variable.get("valueFrom")
        if source is not None and variable.get("value"):
            causes.append(describe_invalid(f"{place}.valueFrom", "", "may not be specified when `value` is not empty"))
        if source is not None and len(source) != 1:
            causes.append(
                describe_invalid(
                    f"{place}.valueFrom",
                    "",
                    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
                )
            )
    return causes


def _find_mount_causes(path: str, mounts: list[Object], volumes: set[Any]) -> list[Cause]:
    causes = []
    targets: set[str] = set()
    for index, mount in enumerate(mounts):
        place = f"{path}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            causes.append((f"{place}.name", "FieldValueNotFound", f'Not found: "{mount.get("name", "")}"'))
        target = mount.get("mountPath", "")
        if not target:
            causes.append(describe_missing(f"{place}.mountPath"))
        elif target in targets:
            causes.append(describe_invalid(f"{place}.mountPath", target, "must be unique"))
        targets.add(target)
        inside = mount.get("subPath", "")
        if inside.startswith("/") or ".." in inside.split("/"):
            causes.append(
                describe_invalid(f"{place}.subPath", inside, "must be a relative path that does not contain '..'")
            )
    return causes


def _find_volume_causes(volumes: list[Object]) -> list[Cause]:
    causes = []
    names_so_far: set[str] = set()
    for index, volume in enumerate(volumes):
        place = f"spec.volumes[{index}]"
        causes += _check_name(f"{place}.name", volume.get("name", ""), names_so_far)
        if len(volume) > 2:
            causes.append((place, "FieldValueForbidden", "Forbidden: may not specify more than 1 volume type"))
    return causes


def _find_resource_causes(path: str, resources: Object) -> list[Cause]:
    causes: list[Cause] = []
    limits = _parse_amounts(f"{path}.limits", resources.get("limits") or {}, causes)
    requests = _parse_amounts(f"{path}.requests", resources.get("requests") or {}, causes)
    for name, amount in requests.items():
        if name in limits and amount > limits[name]:
            request = resources["requests"][name]
            causes.append(describe_invalid(f"{path}.requests", request, f"must be less than or equal to {name} limit"))
    return causes


def _parse_amounts(path: str, quantities_of: dict[str, str], causes: list[Cause]) -> dict[str, Any]:
    amounts = {}
    for name, text in quantities_of.items():
        try:
            amount = quantities.parse(text)
        except ValueError as error:
            causes.append(describe_invalid(f"{path}[{name}]", text, str(error)))
            continue
        if amount < 0:
            causes.append(describe_invalid(f"{path}[{name}]", text, "must be greater than or equal to 0"))
        amounts[name] = amount
    return amounts


def _check_choice(path: str, value: Any, allowed: Iterable[str]) -> list[Cause]:
    if value is None or value in allowed:
        return []
    return [describe_unsupported(path, value, allowed)]


def _check_name(path: str, name: str, names_so_far: set[str]) -> list[Cause]:
    """Returns what is wrong with the name of a container or volume, and adds it to the names of the pod so far."""
    causes = []
    if not name:
        causes.append(describe_missing(path))
    elif not names.is_label(name):
        causes.append(describe_invalid(path, name, names.LABEL_RULE))
    elif name in names_so_far:
        causes.append(describe_duplicate(path, name))
    names_so_far.add(name)
    return causes
