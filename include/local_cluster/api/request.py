"""Reads a request: path, options, body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local_cluster import patches, schema
from local_cluster.cluster import Cluster
from local_cluster.errors import ApiError, BadRequest, NoSuchPath, UnsupportedMediaType
from local_cluster.resources import RESOURCES, Resource
from local_cluster.selectors import Predicate, parse_fields, parse_labels

Object = dict[str, Any]
CLUSTER = web.AppKey("cluster", Cluster)
PATCHES = {
    "application/json-patch+json": patches.apply_json_patch,
    "application/merge-patch+json": patches.merge,
    "application/strategic-merge-patch+json": patches.merge_strategically,
}
TRUE = ("1", "true", "True", "t")


@dataclass(frozen=True)
class Target:
    """The cluster, resource, namespace and name that a request concerns."""

    cluster: Cluster
    resource: Resource
    namespace: str
    name: str


def read_target(request: web.Request) -> Target:
    """Returns the target of the request's path. Raises ApiError 404."""
    resource = RESOURCES.get(request.match_info["plural"])
    namespace = request.match_info.get("namespace", "")
    if resource is None or (namespace and not resource.namespaced):
        raise NoSuchPath()
    name = request.match_info.get("name", "")
    if resource.namespaced and name and not namespace:
        raise NoSuchPath()
    return Target(request.app[CLUSTER], resource, namespace, name)


def build_filter(request: web.Request, plural: str) -> Predicate:
    """Returns the label and field selectors of a request as one test. Raises ApiError 400."""
    labels = parse_labels(request.query.get("labelSelector", ""))
    fields = parse_fields(plural, request.query.get("fieldSelector", ""))
    return lambda item: labels(item) and fields(item)


def is_dry_run(request: web.Request) -> bool:
    """Whether nothing must be stored. Raises ApiError 400."""
    values = request.query.getall("dryRun", [])
    if any(value != "All" for value in values):
        raise BadRequest(f"dryRun: Unsupported value {values}: the only supported value is 'All'")
    return bool(values)


def is_true(request: web.Request, name: str) -> bool:
    """Whether a boolean option is set."""
    return request.query.get(name, "") in TRUE


def read_number(request: web.Request, name: str) -> int | None:
    """Returns an option that is a whole number. Raises ApiError 400."""
    text = request.query.get(name)
    if text is None or text == "":
        return None
    if not text.lstrip("-").isdecimal() or not text.isascii():
        raise BadRequest(f"{name}: expected a whole number, found {text!r}")
    return int(text)


async def read_body(request: web.Request) -> Any:
    """Returns the JSON of the body. Raises ApiError 400, 415."""
    if request.content_type not in ("application/json", "application/octet-stream", *PATCHES):
        raise UnsupportedMediaType(request.content_type, "application/json")
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise BadRequest(f"the body of the request is not JSON: {error}") from error


async def read_object(request: web.Request, target: Target, warnings: list[str]) -> Object:
    """Returns the object in the body without unknown fields. Raises ApiError 400."""
    return keep_known_fields(request, target, await read_body(request), warnings)


def keep_known_fields(request: web.Request, target: Target, body: Any, warnings: list[str]) -> Object:
    """Returns the object without unknown fields; `fieldValidation` says whether these are errors or warnings.

    Raises ApiError 400.
    """
    item, unknown = schema.prune(target.resource.kind, body)
    problems = [f'unknown field "{path}"' for path in unknown]
    level = request.query.get("fieldValidation", "Ignore")
    if level == "Strict" and problems:
        kind = target.resource.kind
        message = f'{kind} in version "v1" cannot be handled as a {kind}: strict decoding error: {", ".join(problems)}'
        raise ApiError(400, "BadRequest", message)
    if level == "Warn":
        warnings += problems
    return item
