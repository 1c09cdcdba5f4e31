"""Replies: JSON in the form that the client requests, with warnings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from local_cluster.api.tables import build_table
from local_cluster.resources import Resource

Object = dict[str, Any]


def is_table_wanted(request: web.Request) -> bool:
    """Whether the client, such as `kubectl get`, prefers rows to print."""
    first = request.headers.get("Accept", "").split(",")[0]
    return "as=Table" in first.replace(" ", "")


def reply(body: Object, status: int = 200, warnings: Iterable[str] = ()) -> web.Response:
    """Returns a reply with an object as JSON."""
    response = web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
    for warning in warnings:
        response.headers.add("Warning", f"299 - {json.dumps(warning)}")
    return response


def reply_object(request: web.Request, resource: Resource, item: Object) -> web.Response:
    """Returns a reply with one object, or with one row."""
    return reply(build_table_if_wanted(request, resource, [item], item["metadata"].get("resourceVersion", "")) or item)


def build_table_if_wanted(request: web.Request, resource: Resource, items: list[Object], version: str) -> Object | None:
    """Returns a table if the client prefers one, else None."""
    if not is_table_wanted(request):
        return None
    return build_table(resource, items, version, request.query.get("includeObject", "Metadata"))
