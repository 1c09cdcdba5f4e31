"""The causes of a refusal as Kubernetes words them: (field path, reason, sentence)."""

from __future__ import annotations

from collections.abc import Iterable

Cause = tuple[str, str, str]


def describe_missing(path: str, hint: str = "") -> Cause:
    """Returns the cause for a required field that is missing."""
    return path, "FieldValueRequired", f"Required value: {hint}" if hint else "Required value"


def describe_duplicate(path: str, value: str) -> Cause:
    """Returns the cause for a value that may occur only once."""
    return path, "FieldValueDuplicate", f'Duplicate value: "{value}"'


def describe_invalid(path: str, value: object, rule: str) -> Cause:
    """Returns the cause for a value that breaks a rule."""
    return path, "FieldValueInvalid", f'Invalid value: "{value}": {rule}'


def describe_unsupported(path: str, value: object, allowed: Iterable[str]) -> Cause:
    """Returns the cause for a value that is not one of those allowed."""
    listed = ", ".join(f'"{name}"' for name in allowed)
    return path, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {listed}'
