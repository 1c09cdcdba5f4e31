"""Parses label selectors and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local_cluster import names
from local_cluster.errors import BadRequest

Object = dict[str, Any]
Predicate = Callable[[Object], bool]

_REQUIREMENT = re.compile(
    r"""\s*(?:
        (?P<absent>!)\s*(?P<absent_key>[^\s,=!()]+)
        | (?P<key>[^\s,=!()]+)\s*
          (?:(?P<operator>==|=|!=)\s*(?P<value>[^\s,=!()]*) | (?P<set>in|notin)\s*\((?P<values>[^()]*)\))?
    )\s*""",
    re.VERBOSE,
)
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_POD_SPEC = ("nodeName", "restartPolicy", "schedulerName", "serviceAccountName")
_FIELDS: dict[str, set[str]] = {
    "pods": {"status.phase", "status.podIP", *(f"spec.{field}" for field in _POD_SPEC)},
    "namespaces": {"status.phase"},
    "secrets": {"type"},
    "nodes": {"spec.unschedulable"},
    "events": {"reason", "reportingComponent", "source", "type", *(f"involvedObject.{field}" for field in _INVOLVED)},
}


def parse_labels(text: str) -> Predicate:
    """Returns the test of a label selector. Raises ApiError 400."""
    tests = []
    position = 0
    while text.strip():
        match = _REQUIREMENT.match(text, position)
        if not match or not match.group().strip():
            raise BadRequest(f"unable to parse requirement: {text!r} at character {position}: expected a label")
        tests.append(_build_label_test(match))
        position = match.end()
        if position == len(text):
            break
        if text[position] != ",":
            raise BadRequest(f"unable to parse requirement: {text!r} at character {position}: expected ','")
        position += 1
    return lambda item: all(test(item["metadata"].get("labels") or {}) for test in tests)


def _build_label_test(match: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    key = match["absent_key"] or match["key"]
    if not names.is_label_key(key):
        raise BadRequest(f"unable to parse requirement: invalid label key {key!r}")
    if match["absent"]:
        return lambda labels: key not in labels
    if match["set"]:
        values = {value.strip() for value in match["values"].split(",")}
        _check_values(values)
        return _build_set_test(key, values, negated=match["set"] == "notin")
    if match["operator"] is None:
        return lambda labels: key in labels
    _check_values({match["value"]})
    return _build_set_test(key, {match["value"]}, negated=match["operator"] == "!=")


def _build_set_test(key: str, values: set[str], negated: bool) -> Callable[[dict[str, str]], bool]:
    if negated:
        return lambda labels: labels.get(key) not in values
    return lambda labels: labels.get(key) in values


def _check_values(values: set[str]) -> None:
    for value in values:
        if not names.is_label_value(value):
            raise BadRequest(f"unable to parse requirement: invalid label value {value!r}")


def parse_fields(plural: str, text: str) -> Predicate:
    """Returns the test of a field selector. Raises ApiError 400."""
    tests = [_build_field_test(plural, requirement) for requirement in text.split(",") if requirement.strip()]
    return lambda item: all(test(item) for test in tests)


def _build_field_test(plural: str, requirement: str) -> Predicate:
    match = re.fullmatch(r"\s*([A-Za-z.]+)\s*(==|=|!=)\s*(.*?)\s*", requirement)
    if not match:
        raise BadRequest(f"invalid selector: {requirement!r}; can't understand {requirement!r}")
    field, operator, value = match.groups()
    if field not in {"metadata.name", "metadata.namespace"} | _FIELDS.get(plural, set()):
        raise BadRequest(f'field label not supported: "{field}" for {plural}')
    return lambda item: (_read(item, field) == value) == (operator != "!=")


def _read(item: Object, field: str) -> str:
    if field == "source":
        return str((item.get("source") or {}).get("component", ""))
    value: Any = item
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
