"""Which model has which champion since when, and what happened to it last night: from a few reads per model."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from nightshift.adapters.s3 import ledger_reading
from nightshift.adapters.s3.alias_reports import AliasMove, load_last_move, load_last_problem
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.results import EvaluateResult, Result
from nightshift_airflow.ui import results
from nightshift_airflow.ui.stored import store

READERS = 8
TROUBLE = ("rejected", "bad_config", "try_later", "failed")


@dataclass(frozen=True)
class ChampionStatus:
    """A model this morning. `last`: the newest entry of its ledger; `champion_entry`: the one that made the champion.

    `moved`: an alias that was moved back since the last change of the champion. `problem`: why the alias cannot be
    synced, by the last periodic sync; empty when it can.
    `night`: the newest night of which a step has ended, and `steps`: its results in the order of the chain.
    `faults`: what is wrong with the entries that were read.
    """

    model: str
    last: Entry | None
    champion_entry: Entry | None
    night: date | None
    steps: tuple[Result[Any], ...]
    faults: tuple[str, ...] = ()
    moved: AliasMove | None = None
    problem: str = ""

    @property
    def champion(self) -> int | None:
        """The champion by the ledger."""
        return self.last.champion_version if self.last else None

    @property
    def trouble(self) -> str:
        """Why the champion could not be compared last night, and what to do; empty: it could, or nobody tried."""
        judged = (step.detail.verdict for step in self.steps if isinstance(step.detail, EvaluateResult))
        checks = (check for verdict in judged for check in verdict.checks)
        return next((check.sentence for check in checks if check.name == "comparable" and not check.passed), "")

    @property
    def sentence(self) -> str:
        """The one sentence that matters of the last night: what went wrong, else what promote said, else the last."""
        wrong = [step for step in self.steps if step.outcome in TROUBLE]
        promoted = [step for step in self.steps if step.verb == "promote"]
        sentences = [*wrong, *promoted, *reversed(self.steps)]
        return f"{sentences[0].verb}: {sentences[0].summary}" if sentences else ""


def read_statuses(models: Sequence[str]) -> list[ChampionStatus]:
    """Returns the status of each model, in the same order."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(read_status, models))


def read_status(model: str) -> ChampionStatus:
    """Returns the status of one model. Raises `TryLater` when the store fails."""
    newest = ledger_reading.find_last_number(store(), model)
    last, faults = _read_entry(model, newest)
    entry, more = _read_entry(model, last.champion_entry or 0 if last else 0)
    night = _find_last_night(model)
    steps = results.load_results(model, night) if night else []
    moved, problem = load_last_move(store(), model), load_last_problem(store(), model)
    # Once the champion has changed, nobody needs to be told of an alias that was moved before.
    recent = moved if moved and last and moved.entry >= (last.champion_entry or last.number) else None
    return ChampionStatus(model, last, entry, night, tuple(steps), (*faults, *more), recent, problem)


def _read_entry(model: str, number: int) -> tuple[Entry | None, tuple[str, ...]]:
    if not number:
        return None, ()
    reading = ledger_reading.read(store(), model, number, number)
    return reading.last, reading.faults


def _find_last_night(model: str) -> date | None:
    for name in reversed(store().list_folders(store().build_uri(f"runs/{model}/"))):
        try:
            return date.fromisoformat(name)
        except ValueError:
            continue
    return None
