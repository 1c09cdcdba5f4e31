"""Checks field names and types: unknown fields are dropped, values of a wrong type are refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from local_cluster import quantities
from local_cluster.errors import ApiError, BadRequest

TYPE_OF_KIND = {
    "Pod": "V1Pod",
    "Namespace": "V1Namespace",
    "ConfigMap": "V1ConfigMap",
    "Secret": "V1Secret",
    "Event": "CoreV1Event",
    "ServiceAccount": "V1ServiceAccount",
    "Node": "V1Node",
}
QUANTITIES = ("limits", "requests", "capacity", "allocatable", "overhead", "sizeLimit")
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "datetime": (str,), "bool": (bool,), "int": (int,)}
_GO_TYPES = {"str": "string", "datetime": "Time", "int": "int64"}


@cache
def load_types() -> dict[str, dict[str, str]]:
    """Returns all types: name → field → type."""
    loaded: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    return loaded


def prune(kind: str, value: Any) -> tuple[dict[str, Any], list[str]]:
    """Returns an object without unknown fields and nulls, and the paths of its unknown fields.

    Raises ApiError 400 on a wrong type.
    """
    if not isinstance(value, dict):
        raise BadRequest(f"the body of the request must be a JSON object of kind {kind}")
    unknown: list[str] = []
    try:
        cleaned: dict[str, Any] = _clean(TYPE_OF_KIND[kind], value, "", unknown)
    except _WrongTypeError as error:
        raise ApiError(400, "BadRequest", f'{kind} in version "v1" cannot be handled as a {kind}: {error}') from error
    return cleaned, unknown


class _WrongTypeError(Exception):
    def __init__(self, path: str, expected: str, value: Any) -> None:
        names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
        expected = expected.replace("list ", "[]").replace("dict ", "map[string]").replace("[]str", "[]string")
        actual, expected_name = names.get(type(value), "value"), _GO_TYPES.get(expected, expected)
        super().__init__(f"json: cannot unmarshal {actual} into field {path} of type {expected_name}")


def _clean(kind: str, value: Any, path: str, unknown: list[str]) -> Any:
    container, _, inner = kind.partition(" ")
    if container == "list":
        return _clean_list(kind, inner, value, path, unknown)
    if container == "dict":
        return _clean_map(kind, inner, value, path, unknown)
    if kind in load_types():
        return _clean_fields(kind, value, path, unknown)
    return _clean_scalar(kind, value, path)


def _clean_list(kind: str, inner: str, value: Any, path: str, unknown: list[str]) -> Any:
    if not isinstance(value, list):
        raise _WrongTypeError(path, kind, value)
    return [_clean(inner, item, f"{path}[{index}]", unknown) for index, item in enumerate(value)]


def _clean_map(kind: str, inner: str, value: Any, path: str, unknown: list[str]) -> Any:
    if not isinstance(value, dict):
        raise _WrongTypeError(path, kind, value)
    return {key: "" if item is None else _clean(inner, item, f"{path}.{key}", unknown) for key, item in value.items()}


def _clean_fields(kind: str, value: Any, path: str, unknown: list[str]) -> Any:
    if not isinstance(value, dict):
        raise _WrongTypeError(path, kind, value)
    fields = load_types()[kind]
    result = {}
    for name, item in value.items():
        item_path = f"{path}.{name}" if path else name
        if name not in fields:
            unknown.append(item_path)
        elif item is not None:
            result[name] = _clean(fields[name], item, item_path, unknown)
    return result


def _clean_scalar(kind: str, value: Any, path: str) -> Any:
    if set(path.split(".")[-2:]) & set(QUANTITIES):
        return _clean_quantity(value, path)
    expected = _PYTHON_TYPES.get(kind)
    if expected and (not isinstance(value, expected) or (isinstance(value, bool) and kind != "bool")):
        raise _WrongTypeError(path, kind, value)
    return value


def _clean_quantity(value: Any, path: str) -> str:
    """Returns a quantity as text; clients may also send a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _WrongTypeError(path, "str", value)
    try:
        quantities.parse(value)
    except ValueError as error:
        raise BadRequest(f"{path}: {error}") from error
    return str(value)
