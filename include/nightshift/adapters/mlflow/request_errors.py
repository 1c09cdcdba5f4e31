"""What a failed request to MLflow means: wait for the server, or a sentence for whoever has to act.

No sentence quotes the server: its texts repeat what they were sent. What MLflow says is known by its codes.
"""

import json
import re
import ssl
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from nightshift.errors import BadConfig, TryLater

SETTING = "MLFLOW_TRACKING_URI"
CA_SETTING = "REQUESTS_CA_BUNDLE"
REFUSED = {401, 403}
UNANSWERED = {408, 502, 504}
"""A proxy that had no answer, or a server that did not get the request whole."""
NEVER = {501, 505}
COLLIDED = ("IntegrityError", "UniqueViolation")
"""What MLflow's 400 says, by its database, when two writers set a new tag or alias at once: the second finds a row."""
NO_ARTIFACTS = "--no-serve-artifacts"
UNKNOWN_NAME = "Invalid Host header"
CODE = re.compile(r"\A[A-Z_]{1,60}\Z")
ELSEWHERE = f"is a sign-in page in front of it, or is the path in {SETTING} wrong? Give the address that its API has"
TLS_AT_A_PLAIN_PORT = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


class NotFound(Exception):
    """The server knows no such run, version, alias or artifact. `code` is MLflow's own error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Rejected(BadConfig):
    """A request that MLflow will never accept. `code` is MLflow's own error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def name_server(url: str) -> str:
    """The server, and the setting that names it."""
    return f"MLflow at {url} ({SETTING})"


def translate_answer(error: HTTPError, url: str, doing: str) -> Exception:
    """What an answer other than 200 means."""
    text = _read_text(error)
    code = _read_code(text)
    if code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound(f"MLflow does not know what {doing} asks for", code)
    if 300 <= error.code < 400:
        return BadConfig(f"{name_server(url)} answered {doing} with a redirect ({error.code}): {ELSEWHERE}")
    if error.code in REFUSED:
        return _build_refused_error(error.code, text, url, doing)
    if NO_ARTIFACTS in text:
        return BadConfig(f"{name_server(url)} serves no artifacts, for {doing}: start it with --serve-artifacts")
    if code == "BAD_REQUEST" and any(mark in text for mark in COLLIDED):
        return TryLater(f"{name_server(url)} failed at {doing}: two writers met ({error.code})")
    if error.code in UNANSWERED:
        return TryLater(f"{name_server(url)} did not answer {doing}: {error.code}")
    if error.code == 429 or (error.code >= 500 and error.code not in NEVER):
        return TryLater(f"{name_server(url)} failed at {doing}: {error.code} {code}".rstrip())
    if error.code in (404, 405) and not code:
        old = "; an MLflow before 3.0 answers so as well: it has no logged models"
        return BadConfig(f"{name_server(url)} has no {doing} ({error.code}): {ELSEWHERE}{old}")
    if error.code == 404:
        return NotFound(f"MLflow does not know what {doing} asks for", code)
    return Rejected(f"{name_server(url)} did not accept {doing}: {error.code} {code}".rstrip(), code)


def translate_no_answer(error: Exception, url: str, doing: str) -> Exception:
    """What a request without an answer means: a certificate stays what it is, all else may be a restart."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return BadConfig(
            f"the certificate of {name_server(url)} is not one that this machine trusts, at {doing}: "
            "for a private authority "
            f"set {CA_SETTING} to the file with its certificate (PEM)"
        )
    if isinstance(cause, ssl.SSLError) and (cause.reason or "") in TLS_AT_A_PLAIN_PORT:
        return BadConfig(f"{name_server(url)} speaks no TLS, at {doing}: write http:// instead of https://")
    return TryLater(f"{name_server(url)} could not be reached at {doing}: {_name_kind(cause)}")


def build_no_json_error(url: str, doing: str) -> BadConfig:
    """What a page in the place of an answer means."""
    return BadConfig(f"{name_server(url)} answered {doing} with something that is no JSON: {ELSEWHERE}")


def _build_refused_error(status: int, text: str, url: str, doing: str) -> BadConfig:
    if UNKNOWN_NAME in text:
        host = "add the host of this address to MLFLOW_SERVER_ALLOWED_HOSTS of the server"
        return BadConfig(f"MLflow refused {doing}: it does not serve the name in {url} ({SETTING}); {host}")
    credentials = "check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    return BadConfig(f"MLflow refused {doing}: {status}; {credentials} ({name_server(url)})")


def _read_text(error: HTTPError) -> str:
    try:
        return error.read(100_000).decode(errors="replace")
    except (OSError, HTTPException, ValueError):
        return ""


def _read_code(text: str) -> str:
    """MLflow's error code; "" when the answer is none of MLflow's."""
    try:
        code = json.loads(text)["error_code"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return code if isinstance(code, str) and CODE.match(code) else "UNKNOWN"


def _name_kind(cause: Exception) -> str:
    """How a connection failed, in the system's own words."""
    return str(getattr(cause, "strerror", None) or "").strip() or type(cause).__name__
