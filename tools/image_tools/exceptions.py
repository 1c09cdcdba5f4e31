"""What the scan may find and why: one file, each entry with its reason and the day it was decided."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from image_tools.findings import Finding

FILE = "tools/scan-exceptions.toml"
LASTS = timedelta(days=180)
"""After that somebody looks again."""


class ExceptionsError(Exception):
    """The file of exceptions is not what it must be; the message says where."""


@dataclass(frozen=True)
class Known:
    """An accepted finding: those of `rule` whose text contains `text`."""

    rule: str
    text: str
    reason: str
    decided: date

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        return finding.rule == self.rule and self.text in str(finding)


def read(path: Path) -> list[Known]:
    """The accepted findings. Raises ExceptionsError naming the entry that lacks something."""
    try:
        entries = tomllib.loads(path.read_text()).get("exception", [])
    except (OSError, tomllib.TOMLDecodeError) as e:
        raise ExceptionsError(f"{path} cannot be read: {e}") from e
    return [_known(path, number, entry) for number, entry in enumerate(entries, 1)]


def sift(findings: list[Finding], known: list[Known], today: date) -> list[Finding]:
    """The findings that nobody accepted, and a finding for each acceptance that is too old."""
    old = [k for k in known if k.decided + LASTS < today]
    left = [f for f in findings if not any(k.covers(f) for k in known)]
    return left + [
        Finding(
            "exception",
            f"'{k.rule}: {k.text}' was accepted on {k.decided}",
            FILE,
            "look again, then give it a new date or remove it",
        )
        for k in old
    ]


def _known(path: Path, number: int, entry: object) -> Known:
    if not isinstance(entry, dict) or set(entry) != {"rule", "text", "reason", "decided"}:
        raise ExceptionsError(f"{path}, exception {number}: expected exactly rule, text, reason and decided")
    if not isinstance(entry["decided"], date) or not all(
        isinstance(entry[k], str) and entry[k].strip() for k in ("rule", "text", "reason")
    ):
        raise ExceptionsError(
            f"{path}, exception {number}: rule, text and reason must say something, decided be a date like 2026-01-31"
        )
    return Known(**entry)
