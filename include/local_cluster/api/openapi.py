"""The schema of the objects as OpenAPI, for `kubectl apply` and `kubectl explain`."""

from __future__ import annotations

from functools import cache
from typing import Any

from local_cluster import patches, schema
from local_cluster.resources import RESOURCES, Resource

Object = dict[str, Any]
PREFIX = "io.k8s.api.core.v1."
SCALARS: dict[str, Object] = {
    "str": {"type": "string"},
    "datetime": {"type": "string", "format": "date-time"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "object": {"x-kubernetes-int-or-string": True},
}


@cache
def build_v3_document() -> Object:
    """Returns core/v1 as OpenAPI 3."""
    schemas = {
        _name_schema(kind): _build_schema(kind, fields, "#/components/schemas/")
        for kind, fields in schema.load_types().items()
    }
    return {"openapi": "3.0.0", "info": _build_info(), "paths": _build_paths(), "components": {"schemas": schemas}}


@cache
def build_v2_document() -> Object:
    """Returns core/v1 as OpenAPI 2."""
    definitions = {
        _name_schema(kind): _build_schema(kind, fields, "#/definitions/")
        for kind, fields in schema.load_types().items()
    }
    return {"swagger": "2.0", "info": _build_info(), "paths": _build_paths(), "definitions": definitions}


def _build_info() -> Object:
    return {"title": "Kubernetes", "version": "v1.32.0"}


def _name_schema(kind: str) -> str:
    return PREFIX + kind.removeprefix("Core").removeprefix("V1")


def _build_schema(kind: str, fields: dict[str, str], place: str) -> Object:
    result: Object = {
        "type": "object",
        "properties": {name: _build_property(name, value, place) for name, value in fields.items()},
    }
    for object_kind, type_name in schema.TYPE_OF_KIND.items():
        if type_name == kind:
            result["x-kubernetes-group-version-kind"] = [{"group": "", "version": "v1", "kind": object_kind}]
    return result


def _build_property(name: str, kind: str, place: str) -> Object:
    container, _, inner = kind.partition(" ")
    if container == "dict":
        return {"type": "object", "additionalProperties": _build_property("", inner, place)}
    if container != "list":
        return dict(SCALARS[kind]) if kind in SCALARS else {"$ref": place + _name_schema(kind)}
    result: Object = {"type": "array", "items": _build_property("", inner, place)}
    if name in patches.MERGE_KEYS:
        result |= {"x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": patches.MERGE_KEYS[name]}
    elif name in patches.MERGED_SETS:
        result["x-kubernetes-patch-strategy"] = "merge"
    return result


def _build_paths() -> Object:
    """Returns the paths from which clients learn that this server validates fields itself."""
    return {
        _build_path(resource): {"patch": _describe_patch(resource)}
        for resource in RESOURCES.values()
        if resource.writable
    }


def _build_path(resource: Resource) -> str:
    return f"/api/v1/{'namespaces/{namespace}/' if resource.namespaced else ''}{resource.plural}/{{name}}"


def _describe_patch(resource: Resource) -> Object:
    return {
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {"group": "", "version": "v1", "kind": resource.kind},
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")
        ],
        "responses": {"200": {"description": "OK"}},
    }
