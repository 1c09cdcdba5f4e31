"""Object storage: S3 and whatever speaks it. Its modules `storage…` are the only ones that import boto3.

Objects are named by URI, `s3://bucket/key`. A server that does not answer is waited for by the clock, then `TryLater`.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nightshift.adapters.s3.conditional_writes import require_conditional_writes
from nightshift.adapters.s3.request_errors import ADDRESS, ConditionFailed, NoSuchBucket, NoSuchObject, check_listing
from nightshift.adapters.s3.requests import Requests
from nightshift.core.line_digest import digest_lines
from nightshift.errors import BadConfig
from nightshift.settings import RetrySettings, StorageSettings, read

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


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


class ObjectStore:
    """Objects in S3, with conditional writes.

    Every method raises `TryLater` when the server does not answer for as long as a process waits, and `BadConfig` for
    an answer that stays what it is until a person acts.
    """

    def __init__(self, settings: StorageSettings, retry_seconds: float | None = None) -> None:
        """`retry_seconds`: how long to wait for a server that does not answer; None: NIGHTSHIFT_RETRY_SECONDS."""
        self.bucket = settings.bucket
        self._requests = Requests(settings, read(RetrySettings).seconds if retry_seconds is None else retry_seconds)
        self.address = self._requests.address
        self._seen: set[str] = set()

    def build_uri(self, key: str) -> str:
        """The URI of a key in the bucket of Nightshift."""
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes | None:
        """The whole object, or None when there is none."""
        tagged = self.get_tagged(uri)
        return None if tagged is None else tagged[0]

    def get_tagged(self, uri: str) -> tuple[bytes, str] | None:
        """The whole object and its ETag, or None when there is none."""
        return self._get(uri, {})

    def get_pinned(self, uri: str, etag: str) -> bytes | None:
        """The whole object with exactly this ETag, or None when it was replaced or removed since."""
        try:
            pinned = self._get(uri, {"IfMatch": etag})
        except ConditionFailed:
            return None
        # A server that ignores the condition sends what is there now, and says so.
        return pinned[0] if pinned is not None and pinned[1] == etag else None

    def _get(self, uri: str, condition: dict[str, Any]) -> tuple[bytes, str] | None:
        bucket, key = split(uri)
        doing = f"reading {self._format_uri(uri)}"

        def request(s3: "S3Client") -> tuple[bytes, str]:
            reply = s3.get_object(Bucket=bucket, Key=key, **condition)
            return reply["Body"].read(), reply.get("ETag", "")

        try:
            data, etag = self._requests.send(bucket, doing, request)
        except NoSuchObject:
            self._require_bucket(bucket, doing)
            return None
        _require_etag(etag, doing)
        return data, etag

    def _require_bucket(self, bucket: str, doing: str) -> None:
        """Raises `BadConfig` unless the bucket exists: some servers say of any key of one that it is absent.

        Asked once. Who may not list a bucket is not told, and goes on.
        """
        if bucket in self._seen:
            return
        try:
            self._requests.send(bucket, doing, lambda s3: s3.list_objects_v2(Bucket=bucket, MaxKeys=1))
        except NoSuchBucket:
            raise
        except BadConfig:
            pass
        self._seen.add(bucket)

    def put(self, uri: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """Writes an object, over any that was there."""
        self._put(uri, data, content_type, {})

    def put_if_absent(self, uri: str, data: bytes, content_type: str = "application/json") -> bool:
        """Writes an object that must not exist yet. False when another writer was first."""
        return self._put_if(uri, data, content_type, {"IfNoneMatch": "*"})

    def put_if_match(self, uri: str, data: bytes, etag: str, content_type: str = "application/json") -> bool:
        """Writes over exactly the object with this ETag. False when it has changed since."""
        return self._put_if(uri, data, content_type, {"IfMatch": etag})

    def _put_if(self, uri: str, data: bytes, content_type: str, condition: dict[str, str]) -> bool:
        require_conditional_writes(self, split(uri)[0])
        # An attempt whose reply was lost may have been carried out, and a repetition then meets itself: that is a win.
        return self.write_if(uri, data, condition, content_type) or self.get(uri) == data

    def write_if(self, uri: str, data: bytes, condition: dict[str, str], content_type: str = "text/plain") -> bool:
        """Writes with a condition. False when the server says that it does not hold: perhaps because of this write."""
        try:
            self._put(uri, data, content_type, condition)
        except (NoSuchObject, ConditionFailed):
            return False
        return True

    def _put(self, uri: str, data: bytes, content_type: str, condition: dict[str, Any]) -> None:
        bucket, key = split(uri)
        doing = f"writing {self._format_uri(uri)}"
        reply = self._requests.send(
            bucket,
            doing,
            lambda s3: s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type, **condition),
        )
        _require_etag(reply.get("ETag", ""), doing)

    def list_objects(self, prefix: str) -> list[StoredObject]:
        """Every object under a URI prefix, by key."""
        bucket, key = split(prefix)

        def request(s3: "S3Client") -> list[StoredObject]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
            return [
                StoredObject(f"s3://{bucket}/{o['Key']}", o["ETag"], o["Size"], o["LastModified"])
                for page in pages
                for o in check_listing(page).get("Contents", ())
            ]

        return self._requests.send(bucket, f"listing {prefix}", request)

    def list_names(self, prefix: str, after: str = "", limit: int = 1000) -> list[str]:
        """The first `limit` (at most 1000) URIs under a URI prefix, by key, of those that follow the URI `after`."""
        bucket, key = split(prefix)
        follow = split(after)[1] if after else ""
        page = self._requests.send(
            bucket,
            f"listing {prefix}",
            lambda s3: check_listing(s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=limit, StartAfter=follow)),
        )
        return [f"s3://{bucket}/{item['Key']}" for item in page.get("Contents", ())]

    def list_folders(self, prefix: str) -> list[str]:
        """The names directly under a URI prefix that ends in a slash, as folders, sorted."""
        bucket, key = split(prefix)

        def request(s3: "S3Client") -> list[str]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/")
            return [p.get("Prefix", "") for page in pages for p in check_listing(page).get("CommonPrefixes", ())]

        listing = self._requests.send(bucket, f"listing {prefix}", request)
        return sorted(name.removeprefix(key).rstrip("/") for name in listing)

    def delete(self, uris: Iterable[str]) -> None:
        """Removes objects; one that is gone already is no error."""
        for uri in uris:
            self._delete(*split(uri), doing=f"deleting {self._format_uri(uri)}")

    def _delete(self, bucket: str, key: str, *, doing: str) -> None:
        try:
            self._requests.send(bucket, doing, lambda s3: s3.delete_object(Bucket=bucket, Key=key))
        except NoSuchObject:
            return

    def _format_uri(self, uri: str) -> str:
        """A URI as a message may show it: of what others keep in the lake, the folder that a definition names."""
        bucket, key = split(uri)
        if bucket == self.bucket and not key.endswith(".parquet"):
            return uri
        parts = key.split("/")[:-1]
        end = next((number for number, part in enumerate(parts, start=1) if DAY.search(part)), len(parts))
        return f"an object of s3://{'/'.join([bucket, *parts[:end]])}/"

    def get_json(self, uri: str) -> Any | None:
        """An object as JSON, or None when there is none. Raises `BadConfig` when it is no JSON."""
        data = self.get(uri)
        try:
            return None if data is None else json.loads(data)
        except (ValueError, RecursionError):
            message = (
                f"{self._format_uri(uri)} is no JSON ({len(data or b'')} bytes): it was edited, or not written whole"
            )
            raise BadConfig(f"{message}; delete it, and run the step that writes it again") from None

    def put_json(self, uri: str, value: Any) -> None:
        """Writes a value as JSON, over any object that was there."""
        self.put(uri, to_json(value), "application/json")


def _require_etag(etag: str, doing: str) -> None:
    if not etag:
        raise BadConfig(f"what answered {doing} is not S3: its reply has no ETag; {ADDRESS}")


def to_json(value: Any) -> bytes:
    """A value as JSON for storage: sorted, indented, and without NaN, which is no JSON."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest_objects(objects: Iterable[StoredObject]) -> str:
    """A short SHA-256 over the names, ETags and sizes of objects: changes when any of them does."""
    lines = sorted(f"{o.uri} {o.etag} {o.size}" for o in objects)
    return digest_lines(lines)
