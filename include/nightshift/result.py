"""What a step leaves behind for people and for the next step: one small JSON object at a deterministic key."""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a step that ended well did: one sentence for people, and the details that later steps read."""

    summary: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Result:
    """A step's result as stored.

    `outcome` is `done` or the `outcome` of the error that ended it. `started` is an ISO 8601 instant in UTC,
    `seconds` the wall time. `model_code` is the digest of the model's folder and suites; `code_before` says which code
    the night's validation ran, if that is other code. `detail` is the verb's own: see the module of the verb.
    `failed_since`: the last later run that could not do its work (`outcome`, `summary`, `started`, `code_version`,
    `caused_by`), so that this result still stands; None when there was none.
    """

    model: str
    night: str
    verb: str
    outcome: str
    summary: str
    started: str
    seconds: float
    code_version: str
    caused_by: str
    model_code: str = ""
    code_before: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    failed_since: dict[str, str] | None = None

    @property
    def last_outcome(self) -> str:
        """How the last run ended, whether this is its result or only stands beside its failure."""
        return self.failed_since["outcome"] if self.failed_since else self.outcome

    @property
    def last_summary(self) -> str:
        """What the last run said."""
        return self.failed_since["summary"] if self.failed_since else self.summary

    def as_dict(self) -> dict[str, Any]:
        """The result as plain JSON types."""
        return asdict(self)


def key_of(model: str, night: date, verb: str) -> str:
    """The object key of a result inside the bucket of Nightshift."""
    return f"runs/{model}/{night.isoformat()}/{verb}.json"
