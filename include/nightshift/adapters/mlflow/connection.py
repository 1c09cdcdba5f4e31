"""Plain HTTP to an MLflow server: the standard library alone, so that a step need not import MLflow for three calls.

A server that does not answer is waited for by the clock, one for all requests of this process. An answer that stays
what it is until a person acts ends at once.
"""

import base64
import json
import os
import ssl
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from nightshift.adapters.api_retries import Wait, get_shared_clock
from nightshift.adapters.mlflow.request_errors import (
    CA_SETTING,
    NotFound,
    Rejected,
    build_no_json_error,
    translate_answer,
    translate_no_answer,
)
from nightshift.errors import BadConfig, TryLater
from nightshift.settings import RegistrySettings, RetrySettings, read

__all__ = ["NotFound", "Rejected", "Server"]
TIMEOUT = 15.0
"""Seconds to wait for a reply."""
API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
CA_SETTINGS = ("MLFLOW_TRACKING_SERVER_CERT_PATH", CA_SETTING, "CURL_CA_BUNDLE")
"""Where MLflow's own client looks for certificates; unset, Python looks as SSL_CERT_FILE says."""
Found = TypeVar("Found")


class Server:
    """One MLflow server. Methods raise `NotFound`, `TryLater` (no answer, 429, 5xx) or `BadConfig` (any other answer).

    `retry_seconds`: how long to wait for a server that does not answer; None: NIGHTSHIFT_RETRY_SECONDS. `timeout`:
    seconds to wait for one reply.
    """

    def __init__(
        self, settings: RegistrySettings, retry_seconds: float | None = None, timeout: float = TIMEOUT
    ) -> None:
        self.url, self._timeout = settings.tracking_uri.rstrip("/"), timeout
        self._retry_seconds = read(RetrySettings).seconds if retry_seconds is None else retry_seconds
        self._clock = get_shared_clock(self.url, self._retry_seconds)

    def get(self, path: str, **query: str) -> Any:
        """The JSON reply of a read."""
        return self._request_json("GET", f"{API}{path}?{urlencode(query)}", None)

    def post(self, path: str, body: Mapping[str, Any], *, attempts: int | None = None) -> Any:
        """The JSON reply of a write that may be repeated; `attempts=1` for one that may not."""
        return self._request_json("POST", API + path, body, attempts)

    def create(self, path: str, body: Mapping[str, Any], find: Callable[[], Found | None]) -> Any | Found:
        """The JSON reply of a creation; or, after an attempt without a clear answer, what `find` finds of it.

        It is created again only when `find` finds nothing.
        """
        wait = Wait(self._clock)
        while True:
            try:
                return self.post(path, body, attempts=1)
            except TryLater as error:
                if not wait.pause():
                    raise self._build_timeout_error(error) from None
            existing = find()
            if existing is not None:
                return existing

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON reply of a change that may be repeated."""
        return self._request_json("PATCH", API + path, body)

    def delete(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON reply of a removal that may be repeated."""
        return self._request_json("DELETE", API + path, body)

    def read_version(self) -> str:
        """What the server says of its own version; "" when it has no such page."""
        try:
            return self._send("GET", "/version", None).decode(errors="replace").strip()
        except (NotFound, BadConfig):
            return ""

    def load_artifact(self, path: str) -> bytes:
        """The bytes of an artifact that the server stores, by its path there."""
        folder, _, name = path.rpartition("/")
        try:
            return self._send("GET", f"{ARTIFACTS}/{quote(path)}", None, 1)
        except TryLater:
            # MLflow answers 500 for a file that is not there: only its folder tells that from a failure.
            if name not in self.list_artifacts(folder):
                raise NotFound(f"there is no file {path}", "RESOURCE_DOES_NOT_EXIST") from None
        return self._send("GET", f"{ARTIFACTS}/{quote(path)}", None)

    def put_artifact(self, path: str, data: bytes) -> None:
        """Stores an artifact, over one that was there."""
        self._send("PUT", f"{ARTIFACTS}/{quote(path)}", data)

    def list_artifacts(self, path: str) -> list[str]:
        """The names of the artifacts directly under a path."""
        reply = self._request_json("GET", f"{ARTIFACTS}?{urlencode({'path': path})}", None)
        return [entry["path"] for entry in reply.get("files", [])]

    def _request_json(self, method: str, path: str, body: Mapping[str, Any] | None, attempts: int | None = None) -> Any:
        data = self._send(method, path, None if body is None else json.dumps(body).encode(), attempts)
        try:
            reply = json.loads(data or b"{}")
        except (ValueError, RecursionError):
            raise build_no_json_error(self.url, _describe_request(method, path)) from None
        if not isinstance(reply, dict):
            raise build_no_json_error(self.url, _describe_request(method, path))
        return reply

    def _send(self, method: str, path: str, body: bytes | None, attempts: int | None = None) -> bytes:
        """One request, until it has an answer or the time for retries is over; with `attempts=1` it is sent once."""
        wait = Wait(self._clock)
        while True:
            try:
                data = self._send_once(method, path, body)
            except (NotFound, BadConfig):
                wait.note_answer()
                raise
            except TryLater as error:
                if attempts == 1:
                    raise
                if not wait.pause():
                    raise self._build_timeout_error(error) from None
            else:
                wait.note_answer()
                return data

    def _build_timeout_error(self, error: TryLater) -> TryLater:
        return type(error)(f"{error}; it was waited for up to {self._retry_seconds:.0f} s")

    def _send_once(self, method: str, path: str, body: bytes | None) -> bytes:
        # The scheme was checked to be http or https when the server was made.
        request = Request(self.url + path, body, _build_headers(body), method=method)  # noqa: S310
        try:
            with _build_opener(_find_certificates()).open(request, timeout=self._timeout) as reply:
                data: bytes = reply.read()
                return data
        except HTTPError as error:
            raise translate_answer(error, self.url, _describe_request(method, path)) from None
        except (OSError, HTTPException) as error:
            raise translate_no_answer(error, self.url, _describe_request(method, path)) from None


class _NoRedirect(HTTPRedirectHandler):
    """MLflow's API never redirects; what does is a sign-in page, whose answer would be taken for MLflow's."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follows nothing: the redirect itself is the answer."""


@cache
def _build_opener(certificates: str | None) -> OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=certificates)
    except (OSError, ssl.SSLError):
        message = f"the file of certificates in {' or '.join(CA_SETTINGS[:2])} cannot be read, or holds none"
        raise BadConfig(f"{message}: give the path of a PEM file") from None
    return build_opener(HTTPSHandler(context=context), _NoRedirect())


def _find_certificates() -> str | None:
    return next((os.environ[name] for name in CA_SETTINGS if os.environ.get(name)), None)


def _describe_request(method: str, path: str) -> str:
    """The request as a message may show it: the path alone says what was asked, its end may be the name of a file."""
    return f"{method} {path.split('?')[0]}"


def _build_headers(body: bytes | None) -> dict[str, str]:
    headers = {} if body is None else {"Content-Type": "application/json"}
    token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif user:
        pair = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers
