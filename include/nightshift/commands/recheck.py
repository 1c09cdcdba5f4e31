"""`nightshift recheck MODEL [NUMBER]`: computes the ledger's verdicts again from their records, and compares."""

import argparse
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nightshift import catalog
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.adapters.s3.ledger_reading import Reading, find_last_number, read_all
from nightshift.adapters.s3.ledger_reading import read as read_entries
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import ModelContext, read_model_context
from nightshift.definition import Model
from nightshift.errors import DONE, BadConfig, DataRejected, NightshiftError
from nightshift.model_card.sentences import clean_text
from nightshift.safe_messages import set_up_logs
from nightshift.stored_records import to_plain

log = logging.getLogger(__name__)
TOLERANCE = 1e-9
"""Numbers of one verdict may differ by rounding between processors, absolutely or relatively, not by more."""
SENTENCES = ("sentence", "reason")
"""What only says the numbers for people."""


@dataclass(frozen=True)
class Rechecked:
    """What came of one entry. `why`: what differs, or what is in the way; empty when it is the same."""

    entry: Entry
    state: Literal["same", "differs", "cannot"]
    why: str = ""

    def __str__(self) -> str:
        """One line for people."""
        champion = self.entry.verdict.champion_version if self.entry.verdict else None
        against = "without a champion" if champion is None else f"against {champion}"
        subject = f"entry {self.entry.number}, night {self.entry.night}, version {self.entry.version} {against}"
        return clean_text(f"{subject}: {self.state}{f' ({self.why})' if self.why else ''}")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    set_up_logs("%(message)s")
    try:
        model = catalog.load_model(arguments.model)
        context = read_model_context(model.name)
        reading = choose_entries(context.store, model.name, arguments.number, arguments.last)
        return _tell(reading.faults, recheck(context, model, reading.entries))
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code


def _tell(faults: Sequence[str], rechecks: Iterable[Rechecked]) -> int:
    counts = {"same": 0, "differs": 0, "cannot": len(faults)}
    for fault in faults:
        log.info("the ledger: cannot (%s)", clean_text(fault))
    for recheck in rechecks:
        counts[recheck.state] += 1
        log.info("%s", recheck)
    log.info("%d the same, %d differ, %d cannot be computed any more", *counts.values())
    return DONE if counts["same"] == sum(counts.values()) else DataRejected.exit_code


def choose_entries(store: ObjectStore, model: str, number: int | None = None, last: int | None = None) -> Reading:
    """The entries that hold a verdict, newest first: all, one, or the newest `last`; with what is wrong with the chain.

    Of one entry only what is wrong with it and with the one before it is told. Raises `BadConfig` when there is none
    of that number, or it holds no verdict; `TryLater` when the store fails.
    """
    if number is None:
        if last is not None and last < 1:
            raise BadConfig(f"--last {last} must be at least 1")
        whole = read_all(store, model)
        return Reading(tuple(entry for entry in reversed(whole.entries) if entry.verdict)[:last], whole.faults)
    exists = 1 <= number <= find_last_number(store, model)
    reading = read_entries(store, model, number, number) if exists else Reading()
    if not reading.faults and not any(entry.verdict for entry in reading.entries):
        problem = f"is a {reading.entries[0].kind} and holds no verdict" if reading.entries else "is not in the ledger"
        raise BadConfig(f"entry {number} {problem}: `nightshift history` lists them")
    return Reading(tuple(entry for entry in reading.entries if entry.verdict), reading.faults)


def recheck(context: ModelContext, model: Model, entries: Iterable[Entry]) -> Iterator[Rechecked]:
    """Computes each entry's verdict again. Raises `TryLater` when MLflow or the store fails."""
    for entry in entries:
        yield _recheck_entry(context, model, entry)


def _recheck_entry(context: ModelContext, model: Model, entry: Entry) -> Rechecked:
    from nightshift.modelling.recompute_verdict import recompute  # pandas, which --help does without

    record = entry.verdict
    if record is None:
        return Rechecked(entry, "cannot", "it holds no verdict")
    try:
        recomputed = recompute(context, model, record)
    except (BadConfig, DataRejected) as error:
        return Rechecked(entry, "cannot", str(error))
    wrong = list_differences(
        {**to_plain(record.verdict), "rows": record.rows}, {**to_plain(recomputed.verdict), "rows": recomputed.rows}
    )
    if not wrong:
        return Rechecked(entry, "same")
    if record.model_code != catalog.digest_model(model.name):
        return Rechecked(entry, "cannot", f"the code of models/{model.name} changed since; now {'; '.join(wrong)}")
    return Rechecked(entry, "differs", "; ".join(wrong))


def list_differences(recorded: Any, now: Any, where: str = "") -> list[str]:
    """Each place in which two verdicts, as plain JSON, are not the same; empty when they are."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        names = (name for name in sorted(recorded) if name not in SENTENCES)
        return [d for name in names for d in list_differences(recorded[name], now.get(name), f"{where} {name}".strip())]
    if isinstance(recorded, list | tuple) and isinstance(now, list | tuple) and len(recorded) == len(now):
        pairs = enumerate(zip(recorded, now, strict=True))
        return [
            d for at, (left, right) in pairs for d in list_differences(left, right, f"{where} {_name_place(left, at)}")
        ]
    return [] if _is_equal(recorded, now) else [f"{where} was {recorded}, and is {now}"]


def _name_place(item: Any, at: int) -> str:
    """A check or a slice by its name, anything else by its place."""
    if not isinstance(item, dict):
        return str(at)
    return str(item.get("name") or f"{item.get('slice')} {item.get('group')}")


def _is_equal(recorded: Any, now: Any) -> bool:
    if isinstance(recorded, float) and isinstance(now, float):
        return math.isclose(recorded, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(recorded == now)
