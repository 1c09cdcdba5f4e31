"""Object storage: S3 and whatever speaks it. The only module that imports boto3.

Objects are named by URI, `s3://bucket/key`. Every failure of the server or the network becomes `TryLater`.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from nightshift.errors import BadConfig, TryLater
from nightshift.settings import StorageSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# botocore tells in every log that it found credentials.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)

CONNECTIONS = 32
ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing. `size` in bytes, `modified` with a time zone."""

    uri: str
    etag: str
    size: int
    modified: datetime

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.uri.rsplit("/", 1)[-1]


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` URI. Raises `BadConfig` for any other."""
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise BadConfig(f"{uri!r} is not an S3 address: expected s3://bucket/key")
    return parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").lstrip("/")


def _client(settings: StorageSettings, attempts: int) -> "S3Client":
    # A session of its own: the shared one would keep the credentials of the first client for ever.
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            # A server that restarts answers 500 for a moment: keep trying for some seconds before giving up.
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": settings.addressing},
            # Many small objects are read at once; with fewer, connections are thrown away and each time said so.
            max_pool_connections=CONNECTIONS,
        ),
    )


@contextmanager
def _as_ours(doing: str) -> Iterator[None]:
    try:
        yield
    except NoCredentialsError as error:
        raise BadConfig("no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") from error
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in REFUSED:
            raise BadConfig(f"S3 refused {doing}: {code}; check the credentials and what they may do") from error
        raise TryLater(f"S3 failed at {doing}: {code}") from error
    except BotoCoreError as error:
        raise TryLater(f"S3 could not be reached at {doing}: {error}") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


class ObjectStore:
    """Objects in S3, with conditional writes.

    Every method raises `TryLater` when the server or the network fails and `BadConfig` when access is refused.
    """

    def __init__(self, settings: StorageSettings, attempts: int = 6) -> None:
        """`attempts`: how often a call is tried before it fails, with growing pauses."""
        self.bucket = settings.bucket
        self._client = _client(settings, attempts)

    def uri(self, key: str) -> str:
        """The URI of a key in the bucket of Nightshift."""
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes | None:
        """The whole object, or None when there is none."""
        found = self.get_tagged(uri)
        return None if found is None else found[0]

    def get_tagged(self, uri: str) -> tuple[bytes, str] | None:
        """The whole object and its ETag, or None when there is none."""
        bucket, key = split(uri)
        with _as_ours(f"reading {uri}"):
            try:
                reply = self._client.get_object(Bucket=bucket, Key=key)
                return reply["Body"].read(), reply["ETag"]
            except ClientError as error:
                if _code(error) in ABSENT:
                    return None
                raise

    def get_pinned(self, uri: str, etag: str) -> bytes | None:
        """The whole object with exactly this ETag, or None when it was replaced or removed since."""
        bucket, key = split(uri)
        with _as_ours("reading a pinned object"):
            try:
                reply = self._client.get_object(Bucket=bucket, Key=key, IfMatch=etag)
                # A server that ignores the condition sends what is there now, and says so.
                return reply["Body"].read() if reply["ETag"] == etag else None
            except ClientError as error:
                if _code(error) in LOST_RACE | ABSENT:
                    return None
                raise

    def put(self, uri: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """Writes an object, over any that was there."""
        self._put(uri, data, content_type, {})

    def put_if_absent(self, uri: str, data: bytes, content_type: str = "application/json") -> bool:
        """Writes an object that must not exist yet. False when another writer was first."""
        return self._put(uri, data, content_type, {"IfNoneMatch": "*"})

    def put_if_match(self, uri: str, data: bytes, etag: str, content_type: str = "application/json") -> bool:
        """Writes over exactly the object with this ETag. False when it has changed since."""
        return self._put(uri, data, content_type, {"IfMatch": etag})

    def _put(self, uri: str, data: bytes, content_type: str, condition: dict[str, Any]) -> bool:
        bucket, key = split(uri)
        with _as_ours(f"writing {uri}"):
            try:
                self._client.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type, **condition)
            except ClientError as error:
                if condition and _code(error) in LOST_RACE | ABSENT:
                    # A write whose reply was lost is retried by the client and then finds itself: that is a win.
                    return self.get(uri) == data
                raise
        return True

    def objects(self, prefix: str) -> list[StoredObject]:
        """Every object under a URI prefix, by key."""
        bucket, key = split(prefix)
        with _as_ours(f"listing {prefix}"):
            try:
                pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
                return [
                    StoredObject(f"s3://{bucket}/{o['Key']}", o["ETag"], o["Size"], o["LastModified"])
                    for page in pages
                    for o in page.get("Contents", ())
                ]
            except ClientError as error:
                if _code(error) in ABSENT:
                    return []
                raise

    def names(self, prefix: str, after: str = "", limit: int = 1000) -> list[str]:
        """The first `limit` (at most 1000) URIs under a URI prefix, by key, of those that follow the URI `after`."""
        bucket, key = split(prefix)
        follow = split(after)[1] if after else ""
        with _as_ours(f"listing {prefix}"):
            page = self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=limit, StartAfter=follow)
        return [f"s3://{bucket}/{found['Key']}" for found in page.get("Contents", ())]

    def folders(self, prefix: str) -> list[str]:
        """The names directly under a URI prefix that ends in a slash, as folders, sorted."""
        bucket, key = split(prefix)
        with _as_ours(f"listing {prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/")
            found = [p.get("Prefix", "") for page in pages for p in page.get("CommonPrefixes", ())]
        return sorted(name.removeprefix(key).rstrip("/") for name in found)

    def delete(self, uris: Iterable[str]) -> None:
        """Removes objects; one that is gone already is no error."""
        for uri in uris:
            bucket, key = split(uri)
            with _as_ours(f"deleting {uri}"):
                self._client.delete_object(Bucket=bucket, Key=key)

    def get_json(self, uri: str) -> Any | None:
        """An object as JSON, or None when there is none."""
        data = self.get(uri)
        return None if data is None else json.loads(data)

    def put_json(self, uri: str, value: Any) -> None:
        """Writes a value as JSON, over any object that was there."""
        self.put(uri, as_json(value), "application/json")


def as_json(value: Any) -> bytes:
    """A value as JSON for storage: sorted, indented, and without NaN, which is no JSON."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(objects: Iterable[StoredObject]) -> str:
    """A short SHA-256 over the names, ETags and sizes of objects: changes when any of them does."""
    lines = sorted(f"{o.uri} {o.etag} {o.size}" for o in objects)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
