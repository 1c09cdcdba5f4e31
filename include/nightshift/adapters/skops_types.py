"""The types in an estimator that skops stores: loading one may run their code, so each must be trusted by name."""

from collections.abc import Sequence
from typing import Any

from nightshift.errors import BadConfig
from nightshift.user_code import translate_errors

MOST_NAMES = 5
"""How many names of types a sentence has."""
LONGEST_NAME = 120
"""Characters of a name that a sentence shows."""


def describe_untrusted(types: Sequence[str]) -> str:
    """Returns the end of a sentence about types that a list of trusted ones does not name."""
    named = ", ".join("".join(c for c in name if c.isprintable())[:LONGEST_NAME] for name in types[:MOST_NAMES])
    more = f" and {len(types) - MOST_NAMES} more" if len(types) > MOST_NAMES else ""
    return (
        f"it holds types that are not trusted: {named}{more}. Add those whose code does no harm when it is loaded to "
        "TRUSTED in the model's estimator.py, or choose another estimator"
    )


def require_trusted(estimator: Any, trusted: Sequence[str]) -> bytes:
    """Returns the estimator as skops stores it. Raises `BadConfig` naming the types that `trusted` lacks."""
    import skops.io

    named = type(estimator).__name__
    with translate_errors(f"storing a {named} with skops"):
        data: bytes = skops.io.dumps(estimator)
        lacking = sorted(set(skops.io.get_untrusted_types(data=data)) - set(trusted))
    if lacking:
        raise BadConfig(f"{named} cannot be stored: {describe_untrusted(lacking)}")
    return data
