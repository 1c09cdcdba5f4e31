"""Errors of the API, as the Status objects that Kubernetes clients read."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refused request: HTTP code, machine-readable reason, sentence for people."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        """The Status object."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        body |= {"message": self.message, "reason": self.reason, "code": self.code}
        return body | ({"details": self.details} if self.details else {})


def bad_request(message: str) -> ApiError:
    """The request itself makes no sense (400)."""
    return ApiError(400, "BadRequest", message)


def not_found(plural: str, name: str) -> ApiError:
    """No such object (404)."""
    return ApiError(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})


def no_such_path() -> ApiError:
    """No such address (404)."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(plural: str, name: str) -> ApiError:
    """An object of this name stands (409)."""
    return ApiError(409, "AlreadyExists", f'{plural} "{name}" already exists', {"name": name, "kind": plural})


def conflict(plural: str, name: str, why: str) -> ApiError:
    """The object is not what the client thought it was (409)."""
    message = f'Operation cannot be fulfilled on {plural} "{name}": {why}'
    return ApiError(409, "Conflict", message, {"name": name, "kind": plural})


def forbidden(plural: str, name: str, why: str) -> ApiError:
    """Well formed, and not allowed (403)."""
    message = f'{plural} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, {"name": name, "kind": plural})


def gone(message: str) -> ApiError:
    """A version that the server no longer knows (410)."""
    return ApiError(410, "Expired", message)


def invalid(kind: str, name: str, causes: list[tuple[str, str, str]]) -> ApiError:
    """Fields with wrong values (422). A cause is (field path, reason, sentence)."""
    texts = [f"{field}: {message}" for field, _, message in causes]
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = {
        "name": name,
        "kind": kind,
        "causes": [{"reason": reason, "message": message, "field": field} for field, reason, message in causes],
    }
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {listed}', details)


def method_not_allowed() -> ApiError:
    """The resource does not know this verb (405)."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def disk_full() -> ApiError:
    """What was asked cannot be kept (507)."""
    message = (
        "disk full: the disk that holds the state of this cluster takes no more data; free space, then try again: "
        "nothing needs to be started again"
    )
    return ApiError(507, "InsufficientStorage", message)


def unsupported_media_type(found: str, expected: str) -> ApiError:
    """A body in a form that this server does not read (415)."""
    message = f"the body of the request was in an unknown format {found!r}; accepted media types include: {expected}"
    return ApiError(415, "UnsupportedMediaType", message)
