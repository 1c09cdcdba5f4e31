"""The verbs on objects."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from local_cluster.api.replies import as_wanted, reply, reply_object
from local_cluster.api.request import (
    PATCHES,
    Target,
    body_of,
    filter_of,
    is_dry_run,
    is_true,
    known_fields,
    number,
    object_of,
    target_of,
)
from local_cluster.api.watching import watch
from local_cluster.errors import bad_request, gone, method_not_allowed, unsupported_media_type
from local_cluster.patches import json_patch

Object = dict[str, Any]


async def list_or_watch(request: web.Request) -> web.StreamResponse:
    """GET on a collection."""
    target = target_of(request)
    if is_true(request, "watch"):
        return await watch(request, target)
    matches = filter_of(request, target.resource.plural)
    items = [item for item in target.cluster.store.select(target.resource.plural, target.namespace) if matches(item)]
    version = str(target.cluster.store.version)
    items, metadata = _page(items, version, number(request, "limit"), request.query.get("continue", ""))
    found = as_wanted(request, target.resource, items, version)
    if found:
        found["metadata"] = metadata
        return reply(found)
    return reply({"kind": f"{target.resource.kind}List", "apiVersion": "v1", "metadata": metadata, "items": items})


def _page(items: list[Object], version: str, limit: int | None, after: str) -> tuple[list[Object], Object]:
    """At most `limit` objects, from where the last page ended."""
    metadata: Object = {"resourceVersion": version}
    if after:
        try:
            last = tuple(json.loads(bytes.fromhex(after)))
        except ValueError as error:
            raise gone("the provided continue parameter is not valid: start the list again") from error
        items = [item for item in items if _place(item) > last]
    if limit and len(items) > limit:
        metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
        metadata["continue"] = json.dumps(_place(items[-1])).encode().hex()
    return items, metadata


def _place(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


async def read(request: web.Request) -> web.StreamResponse:
    """GET on one object."""
    target = target_of(request)
    item = target.cluster.get(target.resource, target.namespace, target.name)
    if is_true(request, "watch"):
        return await watch(request, target)
    return reply_object(request, target.resource, item)


async def create(request: web.Request) -> web.Response:
    """POST on a collection."""
    target = target_of(request)
    if target.resource.namespaced and not target.namespace:
        raise method_not_allowed()
    warnings: list[str] = []
    body = await object_of(request, target, warnings)
    item = await target.cluster.create(target.resource, target.namespace, body, is_dry_run(request))
    return reply(item, status=201, warnings=warnings)


async def replace(request: web.Request) -> web.Response:
    """PUT on one object or its status."""
    target = target_of(request)
    warnings: list[str] = []
    body = await object_of(request, target, warnings)
    part = request.match_info.get("part", "")
    item = target.cluster.replace(target.resource, target.namespace, target.name, body, part, is_dry_run(request))
    return reply(item, warnings=warnings)


async def patch(request: web.Request) -> web.Response:
    """PATCH on one object or its status."""
    target = target_of(request)
    if not target.resource.writable:
        raise method_not_allowed()
    merge = PATCHES.get(request.content_type)
    if merge is None:
        raise unsupported_media_type(request.content_type, ", ".join(PATCHES))
    change = await body_of(request)
    if merge is not json_patch and not isinstance(change, dict):
        raise bad_request("a merge patch is a JSON object")
    warnings: list[str] = []

    def apply(item: Object) -> Object:
        return known_fields(request, target, merge(item, change), warnings)

    part = request.match_info.get("part", "")
    item = target.cluster.patch(target.resource, target.namespace, target.name, apply, part, is_dry_run(request))
    return reply(item, warnings=warnings)


async def delete(request: web.Request) -> web.Response:
    """DELETE on one object."""
    target = target_of(request)
    if not target.resource.writable:
        raise method_not_allowed()
    options = await _delete_options(request)
    item = target.cluster.get(target.resource, target.namespace, target.name)
    left = target.cluster.delete(target.resource, item, options)
    if target.resource.plural in ("pods", "namespaces", "serviceaccounts"):
        return reply(left)
    details = {"name": target.name, "kind": target.resource.plural, "uid": item["metadata"]["uid"]}
    return reply({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


async def delete_collection(request: web.Request) -> web.Response:
    """DELETE on a collection."""
    target = target_of(request)
    if not target.resource.writable or not target.namespace:
        raise method_not_allowed()
    options = await _delete_options(request)
    matches = filter_of(request, target.resource.plural)
    items = [item for item in target.cluster.store.select(target.resource.plural, target.namespace) if matches(item)]
    left = [target.cluster.delete(target.resource, item, options) for item in items]
    metadata = {"resourceVersion": str(target.cluster.store.version)}
    return reply({"kind": f"{target.resource.kind}List", "apiVersion": "v1", "metadata": metadata, "items": left})


async def _delete_options(request: web.Request) -> Object:
    """The options from the body, and those of the address that it does not repeat. Raises ApiError 400."""
    options: Object = {}
    if request.can_read_body:
        found = await body_of(request)
        if not isinstance(found, dict):
            raise bad_request("the body of a DELETE must be a DeleteOptions object")
        options = {field: value for field, value in found.items() if value is not None}
    grace = number(request, "gracePeriodSeconds")
    if grace is not None:
        options.setdefault("gracePeriodSeconds", grace)
    if is_dry_run(request):
        options["dryRun"] = ["All"]
    grace = options.get("gracePeriodSeconds")
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
        raise bad_request(f"gracePeriodSeconds: expected a whole number, found {grace!r}")
    return options


__all__ = ["Target", "create", "delete", "delete_collection", "list_or_watch", "patch", "read", "replace"]
