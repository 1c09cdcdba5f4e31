"""Reads what a run's configuration asks for besides a night: a champion, or nights to score again.

It is checked before any pod exists. The trigger form checks the same, but a run can be started without the form.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from nightshift.definition import parse_nights
from nightshift.errors import BadConfig
from nightshift.reasons import parse_reason

VERSION = re.compile(r"\A(previous|none|[1-9][0-9]{0,8})\Z")
VARIABLE_REFERENCES = ("$(", "$$")
"""What Kubernetes replaces in an argument of a pod: by a variable, perhaps a secret, or by one `$`."""


@dataclass(frozen=True)
class ChampionChoice:
    """The champion that a run asks for: `version` is `previous`, `none` or a number."""

    version: str
    reason: str
    unverified: bool = False


def read_champion_choice(conf: Mapping[str, Any]) -> ChampionChoice:
    """Returns the champion that a run's configuration asks for. Raises `BadConfig`."""
    require_known_keys(conf, ("version", "reason", "unverified"))
    version, unverified = conf.get("version", "previous"), conf.get("unverified", False)
    if not isinstance(version, str) or not VERSION.match(version):
        raise BadConfig("version must be 'previous', 'none' or the number of a registered version, for example '7'")
    if not isinstance(unverified, bool):
        raise BadConfig("unverified must be true or false")
    return ChampionChoice(version, _read_reason(conf.get("reason")), unverified)


def read_nights(conf: Mapping[str, Any], today: date) -> tuple[date, date]:
    """Returns the first and the last night to score again, all before `today`. Raises `BadConfig`."""
    require_known_keys(conf, ("first", "last"))
    ends = [conf.get(name) for name in ("first", "last")]
    if not all(isinstance(end, str) for end in ends):
        raise BadConfig("enter 'first' and 'last', the first and the last night to score again, as 2013-02-09")
    first, last = parse_nights("..".join(map(str, ends)))
    if last >= today:
        raise BadConfig(f"night {last} is not over yet (today is {today}): enter an earlier day as 'last'")
    return first, last


def require_known_keys(conf: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raises `BadConfig` if a configuration has keys that nothing reads: a misspelt one would be ignored."""
    unknown = sorted(str(key)[:40] for key in set(conf) - set(known))
    if unknown:
        only = f"the only one is {known[0]!r}" if len(known) == 1 else f"the only ones are {sorted(known)}"
        raise BadConfig(f"the run's configuration has unknown keys {unknown[:5]}: {only}")


def _read_reason(value: object) -> str:
    if not isinstance(value, str):
        raise BadConfig("enter a reason: it is recorded in the ledger, for whoever asks later")
    reason = parse_reason(value)
    reference = next((mark for mark in VARIABLE_REFERENCES if mark in reason), None)
    if reference:
        raise BadConfig(f"the reason must not contain {reference!r}: Kubernetes would put something else in its place")
    return reason
