"""Reads the findings that are accepted: one file, each entry with its reason and the day of the decision."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from image_tools.findings import Finding

FILE = "tools/scan-exceptions.toml"
LASTS = timedelta(days=180)
"""After that the scan reports it again."""


class ExceptionsError(Exception):
    """The file of exceptions is invalid; the message says where."""


@dataclass(frozen=True)
class AcceptedFinding:
    """An accepted finding: every finding of `rule` whose text contains `text`."""

    rule: str
    text: str
    reason: str
    decided: date

    def matches(self, finding: Finding) -> bool:
        """Whether it accepts this finding."""
        return finding.rule == self.rule and self.text in str(finding)


def read_exceptions(path: Path) -> list[AcceptedFinding]:
    """Returns the accepted findings. Raises ExceptionsError that names a wrong entry."""
    try:
        entries = tomllib.loads(path.read_text()).get("exception", [])
    except (OSError, tomllib.TOMLDecodeError) as e:
        raise ExceptionsError(f"{path} cannot be read: {e}") from e
    return [_parse_entry(path, number, entry) for number, entry in enumerate(entries, 1)]


def sift(findings: list[Finding], accepted: list[AcceptedFinding], today: date) -> list[Finding]:
    """Returns the findings that are not accepted, and a finding for each acceptance that is too old."""
    old = [k for k in accepted if k.decided + LASTS < today]
    remaining = [f for f in findings if not any(k.matches(f) for k in accepted)]
    return remaining + [
        Finding(
            "exception",
            f"'{k.rule}: {k.text}' was accepted on {k.decided}",
            FILE,
            "look again, then give it a new date or remove it",
        )
        for k in old
    ]


def _parse_entry(path: Path, number: int, entry: object) -> AcceptedFinding:
    if not isinstance(entry, dict) or set(entry) != {"rule", "text", "reason", "decided"}:
        raise ExceptionsError(f"{path}, exception {number}: expected exactly rule, text, reason and decided")
    if not isinstance(entry["decided"], date) or not all(
        isinstance(entry[k], str) and entry[k].strip() for k in ("rule", "text", "reason")
    ):
        raise ExceptionsError(
            f"{path}, exception {number}: rule, text and reason must say something, decided be a date like 2026-01-31"
        )
    return AcceptedFinding(**entry)
