"""Errors of the API, as the Status objects that Kubernetes clients read."""

from __future__ import annotations

from typing import Any

from local_cluster.causes import Cause


class ApiError(Exception):
    """A refused request: HTTP code, machine-readable reason, and a sentence for people."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def build_status(self) -> dict[str, Any]:
        """Returns the Status object."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        body |= {"message": self.message, "reason": self.reason, "code": self.code}
        return body | ({"details": self.details} if self.details else {})


class BadRequest(ApiError):
    """The request is malformed (400)."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "BadRequest", message)


class Unauthorized(ApiError):
    """The request has no valid token (401)."""

    def __init__(self) -> None:
        super().__init__(401, "Unauthorized", "Unauthorized")


class Forbidden(ApiError):
    """The request is well formed, but not allowed (403)."""

    def __init__(self, plural: str, name: str, why: str) -> None:
        message = f'{plural} "{name}" is forbidden: {why}'
        super().__init__(403, "Forbidden", message, {"name": name, "kind": plural})


class NotFound(ApiError):
    """There is no such object (404)."""

    def __init__(self, plural: str, name: str) -> None:
        super().__init__(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})


class NoSuchPath(ApiError):
    """There is no such path (404)."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "the server could not find the requested resource", {})


class MethodNotAllowed(ApiError):
    """The resource does not support this verb (405)."""

    def __init__(self) -> None:
        super().__init__(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


class AlreadyExists(ApiError):
    """An object of this name exists (409)."""

    def __init__(self, plural: str, name: str) -> None:
        super().__init__(409, "AlreadyExists", f'{plural} "{name}" already exists', {"name": name, "kind": plural})


class Conflict(ApiError):
    """The object is not in the state that the client expected (409)."""

    def __init__(self, plural: str, name: str, why: str) -> None:
        message = f'Operation cannot be fulfilled on {plural} "{name}": {why}'
        super().__init__(409, "Conflict", message, {"name": name, "kind": plural})


class Gone(ApiError):
    """The server no longer knows this version (410)."""

    def __init__(self, message: str) -> None:
        super().__init__(410, "Expired", message)


class UnsupportedMediaType(ApiError):
    """The body has a format that this server does not read (415)."""

    def __init__(self, content_type: str, expected: str) -> None:
        message = (
            f"the body of the request was in an unknown format {content_type!r}; "
            f"accepted media types include: {expected}"
        )
        super().__init__(415, "UnsupportedMediaType", message)


class Invalid(ApiError):
    """Fields have wrong values (422)."""

    def __init__(self, kind: str, name: str, causes: list[Cause]) -> None:
        texts = [f"{field}: {message}" for field, _, message in causes]
        listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
        fields = [{"reason": reason, "message": message, "field": field} for field, reason, message in causes]
        details = {"name": name, "kind": kind, "causes": fields}
        super().__init__(422, "Invalid", f'{kind} "{name}" is invalid: {listed}', details)


class DiskFull(ApiError):
    """The object cannot be stored (507)."""

    def __init__(self) -> None:
        message = (
            "disk full: the disk that holds the state of this cluster takes no more data; free space, then try again: "
            "nothing needs to be started again"
        )
        super().__init__(507, "InsufficientStorage", message)
