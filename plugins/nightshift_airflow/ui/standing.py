"""Which model has which champion since when, and what happened to it last night: from a few reads per model."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from nightshift.adapters import ledger_reading
from nightshift.adapters.ledger import Entry
from nightshift.result import Result
from nightshift_airflow.ui import results
from nightshift_airflow.ui.stored import store

READERS = 8
TROUBLE = ("rejected", "bad_config", "try_later", "failed")


@dataclass(frozen=True)
class Standing:
    """A model this morning. `last`: the newest entry of its ledger; `crowning`: the entry that made the champion.

    `night`: the newest night of which a step has ended, and `steps`: its results in the order of the chain.
    `faults`: what is wrong with the entries that were read.
    """

    model: str
    last: Entry | None
    crowning: Entry | None
    night: date | None
    steps: tuple[Result, ...]
    faults: tuple[str, ...] = ()

    @property
    def champion(self) -> int | None:
        """The version that reigns by the ledger."""
        return self.last.champion_version if self.last else None

    @property
    def trouble(self) -> str:
        """Why the champion could not be compared last night, and what to do; empty: it could, or nobody tried."""
        judged = (step.detail.get("verdict") for step in self.steps if step.verb == "evaluate")
        checks = (check for verdict in judged if verdict for check in verdict.get("checks", ()))
        failed = (check for check in checks if check.get("name") == "comparable" and not check.get("passed"))
        return next((str(check.get("sentence", "")) for check in failed), "")

    @property
    def said(self) -> str:
        """The one sentence that matters of the last night: what went wrong, else what promote said, else the last."""
        wrong = [step for step in self.steps if step.outcome in TROUBLE]
        promoted = [step for step in self.steps if step.verb == "promote"]
        told = [*wrong, *promoted, *reversed(self.steps)]
        return f"{told[0].verb}: {told[0].summary}" if told else ""


def standings(models: Sequence[str]) -> list[Standing]:
    """The standing of each model, in the same order."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(standing, models))


def standing(model: str) -> Standing:
    """The standing of one model. Raises `TryLater` when the store fails."""
    newest = ledger_reading.last_number(store(), model)
    last, faults = _entry(model, newest)
    crowning, more = _entry(model, last.champion_entry or 0 if last else 0)
    night = _last_night(model)
    steps = results.of_night(model, night) if night else []
    return Standing(model, last, crowning, night, tuple(steps), (*faults, *more))


def _entry(model: str, number: int) -> tuple[Entry | None, tuple[str, ...]]:
    if not number:
        return None, ()
    reading = ledger_reading.read(store(), model, number, number)
    return reading.last, reading.faults


def _last_night(model: str) -> date | None:
    for name in reversed(store().folders(store().uri(f"runs/{model}/"))):
        try:
            return date.fromisoformat(name)
        except ValueError:
            continue
    return None
