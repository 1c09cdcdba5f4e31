"""Serves the logs of containers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from aiohttp import web

from local_cluster import clock
from local_cluster.api.request import Target, is_true, read_number, read_target
from local_cluster.errors import BadRequest
from local_cluster.pods.run import Run

Object = dict[str, Any]
POLL_SECONDS = 0.1  # between two reads of a log that is followed
BLOCK = 256 * 1024


@dataclass
class LogOptions:
    """Which part of a log a client requests."""

    follow: bool
    timestamps: bool
    tail: int | None
    since: datetime | None
    limit: int | None


async def read_log(request: web.Request) -> web.StreamResponse:
    """GET on a pod's log. Raises ApiError.

    The reply to `follow` ends after the container's last status is published.
    """
    target = read_target(request)
    pod = target.cluster.get(target.resource, target.namespace, target.name)
    options = _read_options(request)
    run = _find_run(target, pod, _choose_container(request, pod), previous=is_true(request, "previous"))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    with target.cluster.node.watchers.follow_log(pod), suppress(ConnectionError):
        await _send(response, run, options)
    return response


async def _send(response: web.StreamResponse, run: Run, options: LogOptions) -> None:
    sent = 0
    with run.log.open("rb") as file:
        _skip_to_tail(file, options.tail)
        rest = b""
        while True:
            is_last = not options.follow or run.ended.is_set()
            while data := file.read(BLOCK):
                *records, rest = (rest + data).split(b"\n")
                text = b"".join(_format_lines(records, options))
                if options.limit is not None:
                    text = text[: options.limit - sent]
                sent += len(text)
                if text:
                    await response.write(text)
                if options.limit is not None and sent >= options.limit:
                    return
            if is_last:
                return
            await _wait_until_ended(run)


async def _wait_until_ended(run: Run) -> None:
    try:
        await asyncio.wait_for(run.ended.wait(), POLL_SECONDS)
    except TimeoutError:
        return


def _format_lines(records: list[bytes], options: LogOptions) -> Iterator[bytes]:
    """Yields the text of records in the form that the client requests."""
    for record in records:
        parts = record.split(b" ", 2)
        if len(parts) < 3:
            continue  # incomplete after a full disk or a power cut
        stamp, mark, text = parts
        if options.since and _is_before(stamp, options.since):
            continue
        end = b"\n" if mark == b"F" else b""
        yield (stamp + b" " + text + end) if options.timestamps else text + end


def _is_before(stamp: bytes, moment: datetime) -> bool:
    """Whether a line was written before a moment. False if its own moment cannot be read."""
    try:
        return clock.parse(stamp.decode()) < moment
    except ValueError:
        return False


def _skip_to_tail(file: BinaryIO, lines: int | None) -> None:
    """Moves to the beginning of the last `lines` lines."""
    if lines is None:
        return
    position = file.seek(0, 2)
    data = b""
    while position and data.count(b"\n") <= lines:
        step = min(BLOCK, position)
        position -= step
        file.seek(position)
        data = file.read(step) + data
    ends = [index for index, byte in enumerate(data) if byte == 10]
    skip = len(ends) - lines
    file.seek(position + (ends[skip - 1] + 1 if skip > 0 else 0))


def _read_options(request: web.Request) -> LogOptions:
    seconds, moment = read_number(request, "sinceSeconds"), request.query.get("sinceTime")
    if seconds is not None and moment:
        raise BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
    since = datetime.now(UTC) - timedelta(seconds=seconds) if seconds is not None else None
    if moment:
        try:
            since = clock.parse(moment)
        except ValueError as error:
            raise BadRequest(f"sinceTime: expected a time in RFC 3339, found {moment!r}") from error
    tail, limit = read_number(request, "tailLines"), read_number(request, "limitBytes")
    if (tail is not None and tail < 0) or (limit is not None and limit < 1) or (seconds is not None and seconds < 1):
        raise BadRequest("tailLines must not be negative; limitBytes and sinceSeconds must be at least 1")
    return LogOptions(is_true(request, "follow"), is_true(request, "timestamps"), tail, since, limit)


def _choose_container(request: web.Request, pod: Object) -> str:
    """Returns the container that the request names, or the pod's only one. Raises ApiError 400."""
    name = request.query.get("container", "")
    main = [container["name"] for container in pod["spec"]["containers"]]
    init = [container["name"] for container in pod["spec"].get("initContainers") or []]
    pod_name = pod["metadata"]["name"]
    if not name and len(main) == 1:
        return str(main[0])
    if not name:
        raise BadRequest(f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(main)}]")
    if name not in main + init:
        raise BadRequest(f"container {name} is not valid for pod {pod_name}")
    return name


def _find_run(target: Target, pod: Object, container: str, previous: bool) -> Run:
    """Returns the attempt whose log is requested. Raises ApiError 400 when there is none."""
    runs = target.cluster.node.list_runs(pod, container)
    pod_name = pod["metadata"]["name"]
    if previous:
        if len(runs) < 2:
            raise BadRequest(f'previous terminated container "{container}" in pod "{pod_name}" not found')
        return runs[-2]
    if runs:
        return runs[-1]
    status = pod.get("status", {})
    states = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    reason = next(
        (state["state"].get("waiting", {}).get("reason", "") for state in states if state["name"] == container), ""
    )
    raise BadRequest(
        f'container "{container}" in pod "{pod_name}" is waiting to start: {reason or "ContainerCreating"}'
    )
