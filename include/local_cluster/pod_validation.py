"""What Kubernetes refuses in the specification of a pod."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_cluster import names, quantities

Object = dict[str, Any]
Cause = tuple[str, str, str]
RESTART_POLICIES = ("Always", "Never", "OnFailure")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def pod_causes(spec: Object) -> list[Cause]:
    """Everything that is wrong with a pod's specification."""
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(_required("spec.containers"))
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            causes += _container_causes(f"spec.{field}[{index}]", container, volumes, seen)
    causes += _volume_causes(spec.get("volumes") or [])
    causes += _one_of("spec.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    for field, least in (("activeDeadlineSeconds", 1), ("terminationGracePeriodSeconds", 0)):
        value = spec.get(field)
        if value is not None and not least <= value <= 2**31 - 1:
            causes.append(_wrong(f"spec.{field}", value, f"must be between {least} and 2147483647, inclusive"))
    return causes


def _container_causes(path: str, container: Object, volumes: set[Any], seen: set[str]) -> list[Cause]:
    name = container.get("name", "")
    causes = []
    if not name:
        causes.append(_required(f"{path}.name"))
    elif not names.is_label(name):
        causes.append(_wrong(f"{path}.name", name, names.LABEL_RULE))
    elif name in seen:
        causes.append(_duplicate(f"{path}.name", name))
    seen.add(name)
    if not container.get("image", "").strip():
        causes.append(_required(f"{path}.image"))
    causes += _one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    causes += _environment_causes(path, container)
    causes += _mount_causes(path, container.get("volumeMounts") or [], volumes)
    return causes + _resource_causes(f"{path}.resources", container.get("resources") or {})


def _environment_causes(path: str, container: Object) -> list[Cause]:
    causes = []
    for index, variable in enumerate(container.get("env") or []):
        here = f"{path}.env[{index}]"
        name = variable.get("name", "")
        if not name:
            causes.append(_required(f"{here}.name"))
        elif not names.is_variable(name):
            causes.append(
                _wrong(
                    f"{here}.name",
                    name,
                    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.'",
                )
            )
        source = variable.get("valueFrom")
        if source is not None and variable.get("value"):
            causes.append(_wrong(f"{here}.valueFrom", "", "may not be specified when `value` is not empty"))
        if source is not None and len(source) != 1:
            causes.append(
                _wrong(
                    f"{here}.valueFrom",
                    "",
                    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
                )
            )
    return causes


def _mount_causes(path: str, mounts: list[Object], volumes: set[Any]) -> list[Cause]:
    causes = []
    targets: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{path}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            causes.append((f"{here}.name", "FieldValueNotFound", f'Not found: "{mount.get("name", "")}"'))
        target = mount.get("mountPath", "")
        if not target:
            causes.append(_required(f"{here}.mountPath"))
        elif target in targets:
            causes.append(_wrong(f"{here}.mountPath", target, "must be unique"))
        targets.add(target)
        inside = mount.get("subPath", "")
        if inside.startswith("/") or ".." in inside.split("/"):
            causes.append(_wrong(f"{here}.subPath", inside, "must be a relative path that does not contain '..'"))
    return causes


def _volume_causes(volumes: list[Object]) -> list[Cause]:
    causes = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"spec.volumes[{index}]"
        name = volume.get("name", "")
        if not name:
            causes.append(_required(f"{here}.name"))
        elif not names.is_label(name):
            causes.append(_wrong(f"{here}.name", name, names.LABEL_RULE))
        elif name in seen:
            causes.append(_duplicate(f"{here}.name", name))
        seen.add(name)
        if len(volume) > 2:
            causes.append((here, "FieldValueForbidden", "Forbidden: may not specify more than 1 volume type"))
    return causes


def _resource_causes(path: str, resources: Object) -> list[Cause]:
    causes: list[Cause] = []
    limits = _amounts(f"{path}.limits", resources.get("limits") or {}, causes)
    requests = _amounts(f"{path}.requests", resources.get("requests") or {}, causes)
    for name, amount in requests.items():
        if name in limits and amount > limits[name]:
            wanted = resources["requests"][name]
            causes.append(_wrong(f"{path}.requests", wanted, f"must be less than or equal to {name} limit"))
    return causes


def _amounts(path: str, quantities_of: dict[str, str], causes: list[Cause]) -> dict[str, Any]:
    amounts = {}
    for name, text in quantities_of.items():
        try:
            amount = quantities.parse(text)
        except ValueError as error:
            causes.append(_wrong(f"{path}[{name}]", text, str(error)))
            continue
        if amount < 0:
            causes.append(_wrong(f"{path}[{name}]", text, "must be greater than or equal to 0"))
        amounts[name] = amount
    return amounts


def _one_of(path: str, value: Any, allowed: Iterable[str]) -> list[Cause]:
    if value is None or value in allowed:
        return []
    listed = ", ".join(f'"{name}"' for name in allowed)
    return [(path, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {listed}')]


def _required(path: str) -> Cause:
    return path, "FieldValueRequired", "Required value"


def _duplicate(path: str, value: str) -> Cause:
    return path, "FieldValueDuplicate", f'Duplicate value: "{value}"'


def _wrong(path: str, value: object, rule: str) -> Cause:
    return path, "FieldValueInvalid", f'Invalid value: "{value}": {rule}'
