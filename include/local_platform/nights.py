"""How each night ended, read from the results that its steps left in object storage."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from nightshift.adapters import results
from nightshift.adapters.storage import ObjectStore
from nightshift.definition import VERBS
from nightshift.result import Result

Ending = Literal["promoted", "refused", "blocked", "failed", "unfinished"]
ENDED_WELL = {"done", "nothing_to_do"}


@dataclass(frozen=True)
class Night:
    """One night's results by step; a step that never ended has none."""

    night: date
    results: dict[str, Result] = field(default_factory=dict)

    def detail(self, verb: str) -> dict[str, Any]:
        """What a step left for others; empty when it never ended."""
        return self.results[verb].detail if verb in self.results else {}

    @property
    def ending(self) -> Ending:
        """How the night ended."""
        outcomes = {verb: result.outcome for verb, result in self.results.items()}
        if outcomes.get("validate") == "rejected":
            return "blocked"
        if any(outcome not in ENDED_WELL for outcome in outcomes.values()):
            return "failed"
        if "score" not in outcomes:
            return "unfinished"
        return "promoted" if self.detail("promote").get("promoted") else "refused"

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to run."""
        return self.ending in ("promoted", "refused", "blocked")

    @property
    def why(self) -> str:
        """The sentence that says why it ended so."""
        if self.ending == "blocked":
            return self.results["validate"].summary
        if self.ending in ("promoted", "refused"):
            return str(self.detail("promote").get("reason") or self.results["promote"].summary)
        return next(
            (f"{v}: {r.summary}" for v, r in self.results.items() if r.outcome not in ENDED_WELL), "it did not end"
        )


def load(store: ObjectStore, model: str, night: date) -> Night:
    """One night as object storage has it. Raises `TryLater` when that does not answer."""
    found = {verb: results.load(store, model, night, verb) for verb in VERBS}
    return Night(night, {verb: result for verb, result in found.items() if result is not None})
