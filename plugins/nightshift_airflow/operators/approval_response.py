"""The response of a person to an approval request, on its way from `approve` to `promote`: a mapping, then arguments.

The mapping travels as Airflow's XCom, which people with the right to can edit: it is checked again when it is read, and
the step checks its arguments once more.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nightshift.errors import BadConfig
from nightshift.instants import format_instant, read_instant
from nightshift.reasons import LONGEST_REASON
from nightshift_airflow.runs.triggered_by import clean_name

APPROVED, REJECTED, UNANSWERED = "approved", "rejected", "unanswered"
VARIABLE_REFERENCE = re.compile(r"\$(?=[$(])")
DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")
UNKNOWN_PERSON = "unknown"


def read_response(event: Mapping[str, Any], approve: str, about: str) -> dict[str, str]:
    """Returns the response in Airflow's event.

    `approve` is the option that approves, `about` the digest of the verdict that was shown. Only a person approves: a
    response without a name counts as unanswered.
    """
    person = event.get("responded_by_user")
    decision = APPROVED if list(event["chosen_options"]) == [approve] else REJECTED
    outcome = UNANSWERED if event.get("timedout") or not person else decision
    at: datetime = event["responded_at"]
    return {
        "outcome": outcome,
        "by": "" if outcome == UNANSWERED else _read_name(person),
        "at": format_instant(at),
        "about": about,
        "reason": _clean_reason((event.get("params_input") or {}).get("reason")),
    }


def make_arguments(response: object) -> list[str]:
    """Returns the arguments of `promote` for a response. Raises `BadConfig` if it is none."""
    try:
        fields = {name: str(response[name]) for name in ("outcome", "by", "at", "about", "reason")}  # type: ignore[index]  # any JSON
        read_instant(fields["at"])
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise BadConfig("the answer of approve cannot be read: clear approve, and it asks again") from error
    if fields["outcome"] not in (APPROVED, REJECTED, UNANSWERED) or not DIGEST.match(fields["about"]):
        raise BadConfig("the answer of approve is not one that it gives: clear approve, and it asks again")
    by, reason = clean_name(fields["by"]), _clean_reason(fields["reason"])
    if not by and fields["outcome"] != UNANSWERED:
        raise BadConfig("the answer of approve has nobody's name: clear approve, and it asks again")
    decided_by = [f"--decided-by={by}"] if by else []
    decided_because = [f"--decided-because={reason}"] if reason else []
    decided_at, about = f"--decided-at={fields['at']}", f"--about={fields['about']}"
    return [f"--decision={fields['outcome']}", *decided_by, *decided_because, decided_at, about]


def _read_name(person: Any) -> str:
    """Returns the name of the person who responded: Airflow hands over a mapping, or an object."""
    known = person if isinstance(person, Mapping) else vars(person)
    return clean_name(str(known.get("name") or known.get("id") or "")) or UNKNOWN_PERSON


def _clean_reason(value: object) -> str:
    """Returns one line without `$(` and `$$`.

    In an argument Kubernetes replaces `$(NAME)` by a variable, which could be a secret, and `$$` by `$`.
    """
    text = VARIABLE_REFERENCE.sub("$ ", value) if isinstance(value, str) else ""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:LONGEST_REASON].strip()
