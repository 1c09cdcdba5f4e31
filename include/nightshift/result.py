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

    def as_dict(self) -> dict[str, Any]:
        """The result as plain JSON types."""
        return asdict(self)


def key_of(model: str, night: date, verb: str) -> str:
    """The object key of a result inside the bucket of Nightshift."""
    return f"runs/{model}/{night.isoformat()}/{verb}.json"
