"""What a person said about a promotion, on its way from `approve` to `promote`: a small mapping, then arguments.

The mapping travels as Airflow's XCom, which people with the right to can edit: it is checked again where it is read,
and the step checks its arguments once more.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nightshift.errors import BadConfig
from nightshift_airflow.runs import triggered_by as cause

APPROVED, REJECTED, UNANSWERED = "approved", "rejected", "unanswered"
REFERENCE = re.compile(r"\$(?=[$(])")
DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")
NOBODY = "unknown"
LONGEST_REASON = 500


def of(event: Mapping[str, Any], approve: str, about: str) -> dict[str, str]:
    """The answer in Airflow's event. `approve` is the option that agrees, `about` the digest of the verdict shown.

    Only a person agrees: an answer that came with nobody's name counts as none.
    """
    person = event.get("responded_by_user")
    said = APPROVED if list(event["chosen_options"]) == [approve] else REJECTED
    outcome = UNANSWERED if event.get("timedout") or not person else said
    at: datetime = event["responded_at"]
    return {
        "outcome": outcome,
        "by": "" if outcome == UNANSWERED else _name(person),
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "about": about,
        "reason": _reason((event.get("params_input") or {}).get("reason")),
    }


def words(said: object) -> list[str]:
    """The arguments of `promote` for an answer. Raises `BadConfig` when it is none."""
    try:
        found = {name: str(said[name]) for name in ("outcome", "by", "at", "about", "reason")}  # type: ignore[index]  # any JSON
        datetime.fromisoformat(found["at"])
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise BadConfig("the answer of approve cannot be read: clear approve, and it asks again") from error
    if found["outcome"] not in (APPROVED, REJECTED, UNANSWERED) or not DIGEST.match(found["about"]):
        raise BadConfig("the answer of approve is not one that it gives: clear approve, and it asks again")
    by, why = cause.name(found["by"]), _reason(found["reason"])
    if not by and found["outcome"] != UNANSWERED:
        raise BadConfig("the answer of approve has nobody's name: clear approve, and it asks again")
    who = [f"--decided-by={by}"] if by else []
    because = [f"--decided-because={why}"] if why else []
    when, about = f"--decided-at={found['at']}", f"--about={found['about']}"
    return [f"--decision={found['outcome']}", *who, *because, when, about]


def _name(person: Any) -> str:
    """The name of whoever answered: Airflow hands over a mapping, or an object."""
    known = person if isinstance(person, Mapping) else vars(person)
    return cause.name(str(known.get("name") or known.get("id") or "")) or NOBODY


def _reason(found: object) -> str:
    """One line without `$(` and `$$`.

    In an argument Kubernetes replaces `$(NAME)` by a variable, which could be a secret, and `$$` by `$`.
    """
    text = REFERENCE.sub("$ ", found) if isinstance(found, str) else ""
    return "".join(one if one.isprintable() else " " for one in text).strip()[:LONGEST_REASON].strip()
