"""Kubernetes quantities: `128Mi`, `500m`, `1e3`."""

from __future__ import annotations

import re
from decimal import Decimal

_PATTERN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIXES = {suffix: Decimal(10) ** power for suffix, power in _DECIMAL.items()}
_SUFFIXES |= {suffix: Decimal(2) ** power for suffix, power in _BINARY.items()}
RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def parse(text: str | float) -> Decimal:
    """Returns the value of a quantity in its base unit: bytes, cores. Raises ValueError."""
    match = _PATTERN.fullmatch(str(text))
    if not match:
        raise ValueError(RULE)
    number, exponent, suffix = match.groups()
    return Decimal(number) * (Decimal(10) ** int(exponent) if exponent else _SUFFIXES[suffix or ""])
