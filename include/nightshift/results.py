"""What the steps leave behind: one typed result per step, for people, for the steps after it and for the ledger.

`Result` is what every result has; its `detail` is what one step did, of the type of that step. `stored_records` writes
and reads them, `adapters.s3.step_results` stores them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Generic, TypeVar

from nightshift.core.verdict import Verdict
from nightshift.definition import Task
from nightshift.errors import DataRejected, NothingToDo
from nightshift.result_parts import CheckedDataset, Decision, EntryKind, GateFields, JoinCounts, LeftOutNight

Detail_co = TypeVar("Detail_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class FailedRun:
    """A later run that could not do its work, so that the result before it is still valid."""

    outcome: str
    summary: str
    started: str
    code_version: str
    caused_by: str


@dataclass(frozen=True, kw_only=True)
class Result(Generic[Detail_co]):
    """A step's result as stored.

    `outcome` is `done` or the `outcome` of the error that ended it. `started` is an ISO 8601 instant in UTC, `seconds`
    the wall time. `model_code` is the digest of the model's folder and suites; `code_before` says which code the
    night's validation ran, if that is other code. `detail` is what the step did: None where it ended without doing it.
    """

    model: str
    night: date
    verb: str
    outcome: str
    summary: str
    started: str
    seconds: float
    code_version: str
    caused_by: str
    model_code: str = ""
    code_before: str = ""
    detail: Detail_co
    failed_since: FailedRun | None = None

    @property
    def last_outcome(self) -> str:
        """How the last run ended, whether this is its result or only stands beside its failure."""
        return self.failed_since.outcome if self.failed_since else self.outcome

    @property
    def last_summary(self) -> str:
        """What the last run said."""
        return self.failed_since.summary if self.failed_since else self.summary


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[Detail_co]):
    """What a step that ended well did: one sentence for people, and the detail that later steps read."""

    summary: str
    detail: Detail_co


class StepDetail:
    """What one step did. `verb`: the step's."""

    verb: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class ValidateResult(StepDetail):
    """What `validate` did: one entry per dataset of the model, also when it ended as rejected."""

    verb = "validate"
    datasets: tuple[CheckedDataset, ...]


class ValidationFailed(DataRejected):
    """At least one partition fails its checks. Its pages are published."""

    def __init__(self, message: str, detail: ValidateResult) -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Training:
    """What training wrote down with its run, before the run became a version.

    `joins`: of each night that was read. `positive_rate`: of the labels, None for a regression. `metrics`: on the
    holdout, by name.
    """

    run_id: str
    model_code: str
    artifact_sha256: str
    idempotency_key: str
    train_nights: tuple[date, ...]
    holdout_nights: tuple[date, ...]
    left_out: tuple[LeftOutNight, ...]
    joins: tuple[JoinCounts, ...]
    rows: int
    holdout_rows: int
    metrics: Mapping[str, float]
    positive_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainResult(Training, StepDetail):
    """What `train` did: the version of the night. `reused`: an earlier attempt had registered it."""

    verb = "train"
    version: int
    reused: bool


@dataclass(frozen=True, kw_only=True)
class EvaluateResult(StepDetail):
    """What `evaluate` did: the verdict, and all that it takes to compute it again (`nightshift recheck`).

    `champion_version`, `champion_night`: None without a champion. `joins`: of each night that was read. `trusted`: the
    types that each version may contain, by its number. `inputs`: the digest of every partition read, by URI.
    `model_code`: digest of the model's folder and suites. `comparison`: digest of the night, the code, the definition
    and the two versions. `reused`: it was found, and not made again.
    """

    verb = "evaluate"
    verdict: Verdict
    gate: GateFields
    task: Task
    challenger_version: int
    champion_version: int | None
    champion_night: date | None
    holdout_nights: tuple[date, ...]
    left_out: tuple[LeftOutNight, ...]
    joins: tuple[JoinCounts, ...]
    trusted: Mapping[str, tuple[str, ...]]
    rows: int
    run_id: str
    inputs: Mapping[str, str]
    model_code: str
    comparison: str
    idempotency_key: str
    seed: int
    reused: bool


@dataclass(frozen=True, kw_only=True)
class PromoteResult(StepDetail):
    """What `promote` decided, also when it ended as nothing to do.

    `kind`: of the ledger's entry; `ledger`: its URI. `champion_version`, `champion_night`: who scores for this night;
    None: no version. `decision`: what a person said, None where nobody is asked. `evaluated_again`: the champion had
    changed since the verdict. `reused`: an earlier attempt had appended the entry.
    """

    verb = "promote"
    promoted: bool
    kind: EntryKind
    champion_version: int | None
    champion_night: date | None
    challenger_version: int
    reason: str
    decision: Decision | None
    ledger: str
    evaluated_again: bool
    reused: bool


class NotPromoted(NothingToDo):
    """The challenger does not become champion, and that is on record."""

    def __init__(self, message: str, detail: PromoteResult) -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class ScoreResult(StepDetail):
    """What `score` published. `replaced`: the version whose predictions these took the place of, None: nobody's."""

    verb = "score"
    version: int
    scored_night: date
    rows: int
    manifest: str
    idempotency_key: str
    reused: bool
    replaced: int | None


DETAIL_TYPES: Mapping[str, type[StepDetail]] = {
    kind.verb: kind for kind in (ValidateResult, TrainResult, EvaluateResult, PromoteResult, ScoreResult)
}
"""The type of a result's detail by the verb."""


def build_result_key(model: str, night: date, verb: str) -> str:
    """Returns the object key of a result inside the bucket of Nightshift."""
    return f"runs/{model}/{night.isoformat()}/{verb}.json"
