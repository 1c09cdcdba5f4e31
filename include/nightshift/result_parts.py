"""The parts of results: what is kept of a partition, of a night that was left out, of a join, of a person's answer."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

from nightshift.core.check_failure import CheckFailure

EntryKind = Literal["promotion", "refusal", "superseded", "set_champion", "accept_end"]
Answer = Literal["approved", "rejected", "unanswered"]
GateFields = Mapping[str, str | int | float | tuple[str, ...]]
"""The fields of the gate as it was then. A mapping: what a later version no longer knows is still read, and refused by
`recheck`."""


@dataclass(frozen=True, kw_only=True)
class CheckedPartition:
    """What `validate` found of one partition, in numbers; the index of Data Docs keeps it so.

    `suite`, `suite_digest`: None for a dataset without one. `night`: the date of the partition (that of the schedule is
    one period later than the run's). `digest`: of its objects; `content`: of its rows, empty when they cannot be read.
    `expectations`, `failed`: counts of checks. `remarks`: sentences about what is odd and no failure. `page`: the
    object key of its Data Docs page. `corrupted`: whether it is a copy that was altered on purpose.
    """

    dataset: str
    suite: str | None
    suite_digest: str | None
    partition: str
    night: date
    digest: str
    content: str
    rows: int
    expectations: int
    failed: int
    remarks: tuple[str, ...]
    page: str
    corrupted: bool


@dataclass(frozen=True, kw_only=True)
class CheckedDataset(CheckedPartition):
    """What `validate` found of one partition, with every check that does not hold."""

    failures: tuple[CheckFailure, ...]

    def summarize(self) -> CheckedPartition:
        """Returns the numbers without the failures."""
        return CheckedPartition(**{field.name: getattr(self, field.name) for field in fields(CheckedPartition)})


@dataclass(frozen=True, kw_only=True)
class LeftOutNight:
    """A night that was not used, and why."""

    night: date
    reason: str


@dataclass(frozen=True, kw_only=True)
class JoinCounts:
    """How scheduled rows and facts of one night found each other; see `modelling.joins.NightJoin`."""

    night: date
    scheduled: int
    facts: int
    matched: int
    without_label: int
    repeated: int
    unmatched_scheduled: int
    unmatched_facts: int
    would_match: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person said about a promotion: `outcome` is approved, rejected or unanswered.

    `by`: the person's name in Airflow, empty when nobody answered. `about`: the SHA-256 of the record that was shown
    (`promotion.approval.digest_record`). `at`: ISO 8601 instant in UTC. `reason`: the person's own words, one line,
    empty when none were given.
    """

    outcome: Answer
    by: str
    about: str
    at: str
    reason: str = ""
