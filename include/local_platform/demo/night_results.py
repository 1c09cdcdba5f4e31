"""Reads how each night ended from the results of its steps in object storage."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeVar

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import VERBS
from nightshift.result_parts import CheckedDataset
from nightshift.results import EvaluateResult, PromoteResult, Result, StepDetail, ValidateResult

Ending = Literal["promoted", "refused", "blocked", "failed", "unfinished"]
Detail = TypeVar("Detail", bound=StepDetail)
ENDED_WELL = {"done", "nothing_to_do"}


@dataclass(frozen=True)
class Night:
    """One night's results by step. A step that has not ended has none."""

    night: date
    results: dict[str, Result[Any]] = field(default_factory=dict)

    @property
    def datasets(self) -> tuple[CheckedDataset, ...]:
        """What was found of each dataset; empty before the validation."""
        detail = self.find_detail(ValidateResult)
        return detail.datasets if detail else ()

    def find_detail(self, kind: type[Detail]) -> Detail | None:
        """Returns what a step did; None when it has not ended, or ended without doing it."""
        detail = self.results[kind.verb].detail if kind.verb in self.results else None
        return detail if isinstance(detail, kind) else None

    @property
    def ending(self) -> Ending:
        """How the night ended."""
        outcomes = {verb: result.last_outcome for verb, result in self.results.items()}
        if outcomes.get("validate") == "rejected":
            return "blocked"
        if any(outcome not in ENDED_WELL for outcome in outcomes.values()):
            return "failed"
        if "score" not in outcomes:
            return "unfinished"
        promoted = self.find_detail(PromoteResult)
        return "promoted" if promoted and promoted.promoted else "refused"

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to run."""
        return self.ending in ("promoted", "refused", "blocked")

    @property
    def reason(self) -> str:
        """The sentence that gives the reason for the ending."""
        if self.ending == "blocked":
            return _describe_failures(self.datasets) or self.results["validate"].summary
        if self.ending in ("promoted", "refused"):
            evaluated, promoted = self.find_detail(EvaluateResult), self.find_detail(PromoteResult)
            refused = self.ending == "refused" and evaluated is not None and not evaluated.verdict.promote
            return evaluated.verdict.reason if evaluated and refused else promoted.reason if promoted else ""
        bad = (f"{verb}: {r.last_summary}" for verb, r in self.results.items() if r.last_outcome not in ENDED_WELL)
        return next(bad, "it has not ended")


def _describe_failures(datasets: Sequence[CheckedDataset]) -> str:
    """Returns how many checks of which dataset failed, the first one, and whether the data is corrupted on purpose."""
    sentences = []
    for dataset in (d for d in datasets if d.failed):
        corrupted = ", a copy corrupted on purpose" if dataset.corrupted else ""
        first = f"; the first: {dataset.failures[0].sentence}" if dataset.failures else ""
        of = f"{dataset.failed} of {dataset.expectations} checks failed"
        sentences.append(f"{dataset.dataset}{corrupted}: {of}{first}")
    return ". ".join(sentences)


def load_night(store: ObjectStore, model: str, night: date) -> Night:
    """Returns one night from object storage. Raises `TryLater` when that does not answer."""
    loaded = {verb: step_results.load_any(store, model, night, verb) for verb in VERBS}
    return Night(night, {verb: result for verb, result in loaded.items() if result is not None})
