"""Kubernetes' rules for names, labels and variables."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)


def is_label(text: str) -> bool:
    """Whether the text is a valid name of a container or namespace."""
    return len(text) <= 63 and bool(_LABEL.fullmatch(text))


def is_subdomain(text: str) -> bool:
    """Whether the text is a valid name of most other objects."""
    return len(text) <= 253 and bool(_SUBDOMAIN.fullmatch(text))


def is_label_key(text: str) -> bool:
    """Whether the text is a valid key of a label: `name` or `prefix/name`."""
    prefix, slash, name = text.rpartition("/")
    return (is_subdomain(prefix) or not slash) and 0 < len(name) <= 63 and bool(_QUALIFIED.fullmatch(name))


def is_label_value(text: str) -> bool:
    """Whether the text is a valid value of a label; it may be empty."""
    return text == "" or (len(text) <= 63 and bool(_QUALIFIED.fullmatch(text)))


def is_data_key(text: str) -> bool:
    """Whether the text is a valid key of a ConfigMap or Secret, which may become a file name."""
    return (
        len(text) <= 253 and text not in (".", "..") and not text.startswith("..") and bool(_DATA_KEY.fullmatch(text))
    )


def is_variable(text: str) -> bool:
    """Whether the text is a valid name of an environment variable."""
    return text not in (".", "..") and not text.startswith("..") and bool(_VARIABLE.fullmatch(text))
