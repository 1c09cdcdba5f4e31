"""Plain HTTP to an MLflow server: the standard library alone, so that a step need not import MLflow for three calls.

Every failure is one of ours, after at most `ATTEMPTS` tries of `TIMEOUT` seconds each: Airflow retries the step.
"""

import base64
import json
import os
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from nightshift.errors import BadConfig, TryLater
from nightshift.settings import RegistrySettings

TIMEOUT = 15.0
"""Seconds to wait for a reply."""
ATTEMPTS = 4
FIRST_PAUSE = 0.5
"""Seconds before the second attempt; doubled before each further one."""
API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
REFUSED = {401, 403}
COLLIDED = ("IntegrityError", "UniqueViolation")
"""What MLflow's 400 says, by its database, when two writers set a new tag or alias at once: the second finds a row."""


class NotFound(Exception):
    """The server knows no such run, version, alias or artifact. `code` is MLflow's own error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Unanswered(TryLater):
    """A request to which no answer came, or one of a proxy that had none: the server may carry it out even later."""


class Server:
    """One MLflow server. Methods raise `NotFound`, `TryLater` (network, 5xx) or `BadConfig` (refused, bad request)."""

    def __init__(self, settings: RegistrySettings) -> None:
        # Never the value itself: a database's address has a password in it.
        parts = urlsplit(settings.tracking_uri)
        if parts.scheme not in {"http", "https"}:
            raise BadConfig(f"MLFLOW_TRACKING_URI must be the http(s) URL of an MLflow server, not {parts.scheme!r}")
        if "@" in parts.netloc:
            raise BadConfig("MLFLOW_TRACKING_URI must have no user and no password in it")
        self.url = settings.tracking_uri.rstrip("/")

    def get(self, path: str, **query: str) -> Any:
        """The JSON reply of a read."""
        return json.loads(self._send("GET", f"{API}{path}?{urlencode(query)}", None, ATTEMPTS))

    def post(self, path: str, body: Mapping[str, Any], *, attempts: int = ATTEMPTS, lost: bool = False) -> Any:
        """The JSON reply of a write that may be repeated; `attempts=1` for one that may not.

        `lost`: raises `Unanswered` at the first attempt without an answer, for a caller who must know of it.
        """
        return json.loads(self._send("POST", API + path, json.dumps(body).encode(), attempts, lost=lost) or b"{}")

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON reply of a change that may be repeated."""
        return json.loads(self._send("PATCH", API + path, json.dumps(body).encode(), ATTEMPTS) or b"{}")

    def delete(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON reply of a removal that may be repeated."""
        return json.loads(self._send("DELETE", API + path, json.dumps(body).encode(), ATTEMPTS) or b"{}")

    def artifact(self, path: str) -> bytes:
        """The bytes of an artifact that the server stores, by its path there."""
        folder, _, name = path.rpartition("/")
        try:
            return self._send("GET", f"{ARTIFACTS}/{quote(path)}", None, 1)
        except TryLater:
            # MLflow answers 500 for a file that is not there: only its folder tells that from a failure.
            if name not in self.artifacts(folder):
                raise NotFound(f"there is no file {path}", "RESOURCE_DOES_NOT_EXIST") from None
        return self._send("GET", f"{ARTIFACTS}/{quote(path)}", None, ATTEMPTS)

    def put_artifact(self, path: str, data: bytes) -> None:
        """Stores an artifact, over one that was there."""
        self._send("PUT", f"{ARTIFACTS}/{quote(path)}", data, ATTEMPTS)

    def artifacts(self, path: str) -> list[str]:
        """The names of the artifacts directly under a path."""
        reply = json.loads(self._send("GET", f"{ARTIFACTS}?{urlencode({'path': path})}", None, ATTEMPTS))
        return [entry["path"] for entry in reply.get("files", [])]

    def _send(self, method: str, path: str, body: bytes | None, attempts: int, *, lost: bool = False) -> bytes:
        pause = FIRST_PAUSE
        for left in reversed(range(attempts)):
            try:
                return self._once(method, path, body)
            except TryLater as error:
                if not left or (lost and isinstance(error, Unanswered)):
                    raise
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, body: bytes | None) -> bytes:
        doing = f"{method} {path.split('?')[0]}"
        # The scheme was checked to be http or https when the server was made.
        request = Request(self.url + path, body, _headers(body), method=method)  # noqa: S310
        try:
            with urlopen(request, timeout=TIMEOUT) as reply:  # noqa: S310
                data: bytes = reply.read()
                return data
        except HTTPError as error:
            raise _as_ours(error, doing) from error
        except (OSError, HTTPException) as error:
            raise Unanswered(f"MLflow at {self.url} could not be reached at {doing}: {error}") from error


def _headers(body: bytes | None) -> dict[str, str]:
    headers = {} if body is None else {"Content-Type": "application/json"}
    token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif user:
        pair = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers


def _as_ours(error: HTTPError, doing: str) -> Exception:
    try:
        reply = json.loads(error.read())
        message, code = str(reply.get("message", "")), str(reply.get("error_code", ""))
    except (ValueError, OSError, AttributeError):
        message, code = "", ""
    if error.code == 404 or code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound(message, code)
    if error.code in REFUSED:
        return BadConfig(
            f"MLflow refused {doing}: {error.code} {message[:200]}; check MLFLOW_TRACKING_USERNAME or _TOKEN"
        )
    collided = code == "BAD_REQUEST" and any(said in message for said in COLLIDED)
    if error.code in (502, 504):
        return Unanswered(f"MLflow did not answer {doing}: {error.code} {message[:200]}")
    if error.code == 429 or error.code >= 500 or collided:
        return TryLater(f"MLflow failed at {doing}: {error.code} {message[:200]}")
    return Rejected(f"MLflow did not accept {doing}: {error.code} {code} {message[:200]}", code)


class Rejected(BadConfig):
    """A request that MLflow will never accept. `code` is MLflow's own error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
