"""The digest of lines of text: names work and inputs whose order is known."""

import hashlib
from collections.abc import Iterable

LENGTH = 16


def digest_lines(lines: Iterable[str], length: int = LENGTH) -> str:
    """Returns the first `length` hexadecimal digits of the SHA-256 of the lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:length]
