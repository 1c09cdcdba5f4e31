"""The verbs on objects: list, watch, get, create, replace, patch, delete."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from local_cluster.api.replies import build_table_if_wanted, reply, reply_object
from local_cluster.api.request import (
    PATCHES,
    Target,
    build_filter,
    is_dry_run,
    is_true,
    keep_known_fields,
    read_body,
    read_number,
    read_object,
    read_target,
)
from local_cluster.api.watches import watch
from local_cluster.errors import BadRequest, Gone, MethodNotAllowed, UnsupportedMediaType
from local_cluster.patches import apply_json_patch
from local_cluster.store import get_place

Object = dict[str, Any]


async def list_or_watch(request: web.Request) -> web.StreamResponse:
    """GET on a collection."""
    target = read_target(request)
    if is_true(request, "watch"):
        return await watch(request, target)
    matches = build_filter(request, target.resource.plural)
    items = [item for item in target.cluster.store.select(target.resource.plural, target.namespace) if matches(item)]
    version = str(target.cluster.store.version)
    items, metadata = _cut_page(items, version, read_number(request, "limit"), request.query.get("continue", ""))
    table = build_table_if_wanted(request, target.resource, items, version)
    if table:
        table["metadata"] = metadata
        return reply(table)
    return reply({"kind": f"{target.resource.kind}List", "apiVersion": "v1", "metadata": metadata, "items": items})


def _cut_page(items: list[Object], version: str, limit: int | None, after: str) -> tuple[list[Object], Object]:
    """Returns at most `limit` objects after the end of the last page, and the metadata of the list."""
    metadata: Object = {"resourceVersion": version}
    if after:
        try:
            last = tuple(json.loads(bytes.fromhex(after)))
        except ValueError as error:
            raise Gone("the provided continue parameter is not valid: start the list again") from error
        items = [item for item in items if get_place(item) > last]
    if limit and len(items) > limit:
        metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
        metadata["continue"] = json.dumps(get_place(items[-1])).encode().hex()
    return items, metadata


async def read(request: web.Request) -> web.StreamResponse:
    """GET on one object."""
    target = read_target(request)
    item = target.cluster.get(target.resource, target.namespace, target.name)
    if is_true(request, "watch"):
        return await watch(request, target)
    return reply_object(request, target.resource, item)


async def create(request: web.Request) -> web.Response:
    """POST on a collection."""
    target = read_target(request)
    if target.resource.namespaced and not target.namespace:
        raise MethodNotAllowed()
    warnings: list[str] = []
    body = await read_object(request, target, warnings)
    item = await target.cluster.create(target.resource, target.namespace, body, is_dry_run(request))
    return reply(item, status=201, warnings=warnings)


async def replace(request: web.Request) -> web.Response:
    """PUT on one object or its status."""
    target = read_target(request)
    warnings: list[str] = []
    body = await read_object(request, target, warnings)
    part = request.match_info.get("part", "")
    item = target.cluster.replace(target.resource, target.namespace, target.name, body, part, is_dry_run(request))
    return reply(item, warnings=warnings)


async def patch(request: web.Request) -> web.Response:
    """PATCH on one object or its status."""
    target = read_target(request)
    if not target.resource.writable:
        raise MethodNotAllowed()
    merge = PATCHES.get(request.content_type)
    if merge is None:
        raise UnsupportedMediaType(request.content_type, ", ".join(PATCHES))
    change = await read_body(request)
    if merge is not apply_json_patch and not isinstance(change, dict):
        raise BadRequest("a merge patch is a JSON object")
    warnings: list[str] = []

    def apply(item: Object) -> Object:
        return keep_known_fields(request, target, merge(item, change), warnings)

    part = request.match_info.get("part", "")
    item = target.cluster.patch(target.resource, target.namespace, target.name, apply, part, is_dry_run(request))
    return reply(item, warnings=warnings)


async def delete(request: web.Request) -> web.Response:
    """DELETE on one object."""
    target = read_target(request)
    if not target.resource.writable:
        raise MethodNotAllowed()
    options = await _read_delete_options(request)
    item = target.cluster.get(target.resource, target.namespace, target.name)
    remainder = target.cluster.delete(target.resource, item, options)
    if target.resource.plural in ("pods", "namespaces", "serviceaccounts"):
        return reply(remainder)
    details = {"name": target.name, "kind": target.resource.plural, "uid": item["metadata"]["uid"]}
    return reply({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


async def delete_collection(request: web.Request) -> web.Response:
    """DELETE on a collection."""
    target = read_target(request)
    if not target.resource.writable or not target.namespace:
        raise MethodNotAllowed()
    options = await _read_delete_options(request)
    matches = build_filter(request, target.resource.plural)
    items = [item for item in target.cluster.store.select(target.resource.plural, target.namespace) if matches(item)]
    remainders = [target.cluster.delete(target.resource, item, options) for item in items]
    metadata = {"resourceVersion": str(target.cluster.store.version)}
    return reply({"kind": f"{target.resource.kind}List", "apiVersion": "v1", "metadata": metadata, "items": remainders})


async def _read_delete_options(request: web.Request) -> Object:
    """Returns the options of the body, completed by those of the query. Raises ApiError 400."""
    options: Object = {}
    if request.can_read_body:
        body = await read_body(request)
        if not isinstance(body, dict):
            raise BadRequest("the body of a DELETE must be a DeleteOptions object")
        options = {field: value for field, value in body.items() if value is not None}
    grace = read_number(request, "gracePeriodSeconds")
    if grace is not None:
        options.setdefault("gracePeriodSeconds", grace)
    if is_dry_run(request):
        options["dryRun"] = ["All"]
    grace = options.get("gracePeriodSeconds")
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
        raise BadRequest(f"gracePeriodSeconds: expected a whole number, found {grace!r}")
    return options


__all__ = ["Target", "create", "delete", "delete_collection", "list_or_watch", "patch", "read", "replace"]
