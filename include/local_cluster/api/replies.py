"""Replies: JSON, in the shape that the client asks for, with warnings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from local_cluster.api.tables import table
from local_cluster.resources import Resource

Object = dict[str, Any]


def wants_table(request: web.Request) -> bool:
    """Whether the client, such as `kubectl get`, would rather have rows to print."""
    first = request.headers.get("Accept", "").split(",")[0]
    return "as=Table" in first.replace(" ", "")


def reply(body: Object, status: int = 200, warnings: Iterable[str] = ()) -> web.Response:
    """An object as it is."""
    response = web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
    for warning in warnings:
        response.headers.add("Warning", f"299 - {json.dumps(warning)}")
    return response


def reply_object(request: web.Request, resource: Resource, item: Object) -> web.Response:
    """One object, or one row."""
    return reply(as_wanted(request, resource, [item], item["metadata"].get("resourceVersion", "")) or item)


def as_wanted(request: web.Request, resource: Resource, items: list[Object], version: str) -> Object | None:
    """A table, if the client wants one."""
    if not wants_table(request):
        return None
    return table(resource, items, version, request.query.get("includeObject", "Metadata"))
