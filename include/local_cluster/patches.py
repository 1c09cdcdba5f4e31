"""The three ways to change a part of an object: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

import copy
from typing import Any

from local_cluster.errors import ApiError, BadRequest

# Lists that a strategic merge patch merges by a key instead of replacing them.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "secrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "ownerReferences": "uid",
    "conditions": "type",
    "podIPs": "ip",
}
MERGED_SETS = ("finalizers",)


def merge(target: Any, patch: Any) -> Any:
    """Returns `target` after a merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def merge_strategically(target: Any, patch: Any) -> Any:
    """Returns `target` after a strategic merge patch.

    Like RFC 7386, but lists with a key are merged, and `$patch: replace|delete` is obeyed.
    """
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$"):
            _apply_directive(result, key, value)
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merge_list(key, result.get(key) or [], value)
        else:
            result[key] = merge_strategically(result.get(key), value)
    return result


def _apply_directive(result: dict[str, Any], key: str, value: Any) -> None:
    """Applies `$retainKeys`, which drops the other keys, or `$deleteFromPrimitiveList/x`, which drops values."""
    if key == "$retainKeys":
        for other in set(result) - set(value):
            del result[other]
    elif key.startswith("$deleteFromPrimitiveList/"):
        field = key.partition("/")[2]
        result[field] = [item for item in result.get(field) or [] if item not in value]


def _merge_list(field: str, target: list[Any], patch: list[Any]) -> list[Any]:
    if field in MERGED_SETS:
        return target + [item for item in patch if item not in target]
    name = MERGE_KEYS.get(field)
    if name is None or not all(isinstance(item, dict) for item in patch):
        return patch
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    result = list(target)
    for item in patch:
        _merge_item(result, name, item)
    return result


def _merge_item(result: list[Any], name: str, item: dict[str, Any]) -> None:
    if name not in item:
        raise BadRequest(f"map: {item} does not contain declared merge key: {name}")
    position = next((index for index, old in enumerate(result) if old.get(name) == item[name]), None)
    if item.get("$patch") == "delete":
        if position is not None:
            del result[position]
    elif position is None:
        result.append(merge_strategically({}, item))
    else:
        result[position] = merge_strategically(result[position], item)


def apply_json_patch(target: Any, operations: Any) -> Any:
    """Returns `target` after a JSON patch (RFC 6902). Raises ApiError 422 when an operation does not fit."""
    document = copy.deepcopy(target)
    if not isinstance(operations, list):
        raise BadRequest("a JSON patch is a list of operations")
    for operation in operations:
        try:
            document = _apply(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ApiError(
                422, "Invalid", f"the server rejected our request due to an error in our request: {operation}: {error}"
            ) from error
    return document


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    kind, path = operation["op"], operation["path"]
    if kind == "test":
        if _find(document, path) != operation.get("value"):
            raise ValueError("the tested value differs")
        return document
    if kind in ("move", "copy"):
        value = copy.deepcopy(_find(document, operation["from"]))
        if kind == "move":
            document = _remove(document, operation["from"])
        return _add(document, path, value)
    if kind in ("remove", "replace"):
        _find(document, path)
    if kind == "remove":
        return _remove(document, path)
    if kind == "replace":
        return _add(_remove(document, path) if path else document, path, operation["value"])
    if kind == "add":
        return _add(document, path, operation["value"])
    raise ValueError(f"unknown operation {kind!r}")


def _split_path(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(f"{path!r} does not begin with '/'")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _find(document: Any, path: str) -> Any:
    for step in _split_path(path):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _add(document: Any, path: str, value: Any) -> Any:
    if not path:
        return value
    parent_path, _, _ = path.rpartition("/")
    parent, step = _find(document, parent_path), _split_path(path)[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if step == "-" else _parse_index(parent, step), value)
    else:
        parent[step] = value
    return document


def _parse_index(parent: list[Any], step: str) -> int:
    index = int(step)
    if not 0 <= index <= len(parent):
        raise IndexError(f"{index} is outside a list of {len(parent)}")
    return index


def _remove(document: Any, path: str) -> Any:
    parent, step = _find(document, path.rpartition("/")[0]), _split_path(path)[-1]
    if isinstance(parent, list):
        del parent[int(step)]
    else:
        del parent[step]
    return document
