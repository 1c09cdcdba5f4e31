"""Watches: a stream of the changes after a version."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from local_cluster.api.replies import is_table_wanted
from local_cluster.api.request import Target, build_filter, is_true, read_number
from local_cluster.api.tables import build_table
from local_cluster.errors import BadRequest
from local_cluster.selectors import Predicate
from local_cluster.store import Change

Object = dict[str, Any]
LONGEST = 3600.0  # seconds, when the client names no limit
BOOKMARK_SECONDS = 30.0
BACKLOG = 20_000  # changes after which a client that does not read is disconnected


async def watch(request: web.Request, target: Target) -> web.StreamResponse:
    """Streams changes as lines of JSON until `timeoutSeconds` are over.

    Raises ApiError 410 for a version that is too old.
    """
    matches = _build_filter(request, target)
    store = target.cluster.store
    from_start, since = _read_start(request)
    stream = Stream(request, target)
    with store.subscribe() as queue:
        changes = [] if from_start else store.list_changes_since(since)
        initial = (
            [item for item in store.select(target.resource.plural, target.namespace) if matches(item)]
            if from_start
            else []
        )
        await stream.open()
        for item in initial:
            await stream.send("ADDED", item)
        if is_true(request, "sendInitialEvents"):
            await stream.send_bookmark(store.version, {"k8s.io/initial-events-end": "true"})
        for change in changes:
            await _send_change(stream, change, matches)
        seconds = read_number(request, "timeoutSeconds") or LONGEST
        try:
            async with asyncio.timeout(seconds):
                await _follow(request, stream, queue, matches)
        except (TimeoutError, ConnectionError):
            pass
    return await stream.close()


async def _follow(request: web.Request, stream: Stream, queue: asyncio.Queue[Change], matches: Predicate) -> None:
    store = stream.target.cluster.store
    bookmarks = is_true(request, "allowWatchBookmarks")
    while queue.qsize() < BACKLOG:
        try:
            change = await asyncio.wait_for(queue.get(), BOOKMARK_SECONDS)
        except TimeoutError:
            if bookmarks:
                await stream.send_bookmark(store.version)
        else:
            await _send_change(stream, change, matches)


async def _send_change(stream: Stream, change: Change, matches: Predicate) -> None:
    """Sends a change as it looks to a client that sees matching objects only."""
    target = stream.target
    if change.plural != target.resource.plural or target.namespace not in (
        "",
        change.item["metadata"].get("namespace"),
    ):
        return
    before = change.previous is not None and matches(change.previous)
    after = not change.is_removal and matches(change.item)
    if before and not after:
        await stream.send("DELETED", change.item)
    elif after:
        await stream.send("MODIFIED" if before else "ADDED", change.item)


def _build_filter(request: web.Request, target: Target) -> Predicate:
    matches = build_filter(request, target.resource.plural)
    if not target.name:
        return matches
    return lambda item: item["metadata"]["name"] == target.name and matches(item)


def _read_start(request: web.Request) -> tuple[bool, int]:
    """Returns whether to begin with the present objects, else the version after which to begin."""
    text = request.query.get("resourceVersion", "")
    if text in ("", "0") or is_true(request, "sendInitialEvents"):
        return True, 0
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest(f"resourceVersion: Invalid value: {text!r}: expected a whole number")
    return False, int(text)


class Stream:
    """The reply to one watch."""

    def __init__(self, request: web.Request, target: Target) -> None:
        self.target = target
        self._request = request
        self._as_table = is_table_wanted(request)
        self._response = web.StreamResponse(headers={"Content-Type": "application/json"})

    async def open(self) -> None:
        """Sends the head of the reply, so that the client knows that it watches."""
        self._response.enable_chunked_encoding()
        await self._response.prepare(self._request)

    async def send(self, kind: str, item: Object) -> None:
        """Sends one change."""
        if self._as_table:
            version = item["metadata"]["resourceVersion"]
            item = build_table(
                self.target.resource, [item], version, self._request.query.get("includeObject", "Metadata")
            )
        await self._write({"type": kind, "object": item})

    async def send_bookmark(self, version: int, annotations: Object | None = None) -> None:
        """Sends the version up to which all changes are sent."""
        metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        item = {"kind": self.target.resource.kind, "apiVersion": "v1", "metadata": metadata}
        await self._write({"type": "BOOKMARK", "object": item})

    async def close(self) -> web.StreamResponse:
        """Ends the reply."""
        return self._response

    async def _write(self, line: Object) -> None:
        await self._response.write(json.dumps(line).encode() + b"\n")
