"""Requests to one S3 server: its client, and each request repeated until it has an answer or its time is over."""

import difflib
import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from nightshift.adapters.api_retries import Wait, get_shared_clock
from nightshift.adapters.s3.request_errors import (
    FAILURES,
    ConditionFailed,
    Conflict,
    Expired,
    NoAnswer,
    Place,
    describe_unusable,
    translate,
)
from nightshift.errors import BadConfig, TryLater
from nightshift.settings import StorageSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# botocore tells in every log that it found credentials.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)

CONNECTIONS = 32
CONNECT_SECONDS, READ_SECONDS = 5, 15
CONFLICTS = 6
"""How often a write that meets another one of the same object is asked again."""
Reply = TypeVar("Reply")


class Requests:
    """Requests to one server, from any thread. `retry_seconds`: seconds to wait for one that does not answer."""

    def __init__(self, settings: StorageSettings, retry_seconds: float) -> None:
        self._settings, self._retry_seconds = settings, retry_seconds
        self._lock = threading.Lock()
        self._client = make_client(settings)
        self.address = str(self._client.meta.endpoint_url)
        self._clock = get_shared_clock(self.address, retry_seconds)

    def send(self, bucket: str, doing: str, request: "Callable[[S3Client], Reply]") -> Reply:
        """The reply to a request.

        Raises `NoSuchObject` and `ConditionFailed`, which are answers, `TryLater` when its time is over, and
        `BadConfig` for an answer that no repetition mends.
        """
        wait, place, refreshed, conflicts = Wait(self._clock), self._place(bucket, doing), False, 0
        while True:
            client = self._client
            try:
                reply = request(client)
            except FAILURES as error:
                problem = translate(error, place)
            else:
                wait.note_answer()
                return reply
            if isinstance(problem, NoAnswer):
                if not wait.pause():
                    raise TryLater(f"{problem}; it was waited for up to {self._retry_seconds:.0f} s") from None
                continue
            wait.note_answer()
            if isinstance(problem, Expired) and not refreshed:
                refreshed = True
                self._refresh(client)
            elif isinstance(problem, Conflict):
                conflicts += 1
                if conflicts > CONFLICTS:
                    raise ConditionFailed
                time.sleep(0.05 * 2**conflicts)
            else:
                raise problem from None

    def _place(self, bucket: str, doing: str) -> Place:
        return Place(self.address, self._settings.bucket, bucket, doing)

    def _refresh(self, used: "S3Client") -> None:
        """Reads the credentials again: of threads that meet the same expiry, the first."""
        with self._lock:
            if self._client is used:
                self._client = make_client(self._settings)


def make_client(settings: StorageSettings) -> "S3Client":
    """A client that sends each request once. Raises `BadConfig` for settings or credentials it cannot be made with."""
    place = Place(settings.endpoint or "AWS", settings.bucket, settings.bucket, "making its client")
    try:
        # A session of its own: the shared one would keep the credentials of the first client for ever.
        session = boto3.session.Session(botocore_session=_build_session(settings))
        client = session.client(
            "s3", endpoint_url=settings.endpoint, region_name=settings.region, config=_build_config(settings)
        )
    except FAILURES as error:
        raise describe_unusable(error, place) from None
    if str(client.meta.endpoint_url).endswith((".amazonaws.com", ".amazonaws.com.cn")):
        _require_region(session, settings.region)
    else:
        client.meta.events.register("before-call.s3", _stay_here)
    return client


def _stay_here(context: dict[str, Any], **_: Any) -> None:
    """Keeps botocore from looking for another region of AWS when a server of one's own redirects: it never ends."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _build_session(settings: StorageSettings) -> Any:
    session = botocore.session.get_session()
    session.register_component("data_loader", _make_loader())
    if settings.endpoint is not None:
        # The machine's own metadata service knows keys of AWS only, and where there is none it is waited for.
        session.get_component("credential_provider").remove("iam-role")
    return session


@cache
def _make_loader() -> Any:
    """What reads botocore's descriptions of services: kept, because reading them is most of the making of a client."""
    return botocore.loaders.create_loader()


def _build_config(settings: StorageSettings) -> Config:
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        # Once: botocore counts attempts, with a quota that eight readers use up in one outage. `send` has a clock.
        retries={"mode": "standard", "total_max_attempts": 1},
        s3={"addressing_style": settings.addressing},
        # Many small objects are read at once; with fewer, connections are thrown away and each time said so.
        max_pool_connections=CONNECTIONS,
    )


def _require_region(session: boto3.session.Session, region: str) -> None:
    """The address of a region that does not exist is one that never answers."""
    known = [name for part in session.get_available_partitions() for name in session.get_available_regions("s3", part)]
    if known and region not in known:
        near = difflib.get_close_matches(region, sorted(known), n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise BadConfig(f"NIGHTSHIFT_S3_REGION: {region!r} is no region of AWS that this client knows{hint}")
