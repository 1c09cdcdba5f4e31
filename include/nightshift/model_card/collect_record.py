"""Collects the model card of a version from the records: ledger, results, validations, manifests, and MLflow's part.

Nothing is read of the definition or of the data as they are now. Object storage is read here; MLflow's part is handed
in, as MLflow has it or as a copy of it was kept.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from nightshift.adapters.mlflow.registry import KEY, MODEL_CODE, NIGHT, SHA256
from nightshift.adapters.mlflow.version_record import Record, Run
from nightshift.adapters.s3 import ledger_reading, step_results
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig
from nightshift.instants import format_now
from nightshift.model_card.card import Data, ModelCard, Origin
from nightshift.model_card.champion_periods import find_state, list_decisions, list_periods
from nightshift.model_card.scored_nights import list_scored
from nightshift.model_card.sentences import format_instant
from nightshift.model_card.used_partitions import UsedRecords, collect_data
from nightshift.results import EvaluateResult, StepDetail, Training, TrainResult
from nightshift.stored_records import Misfit, parse_plain

Document = TypeVar("Document")
Detail = TypeVar("Detail", bound=StepDetail)
log = logging.getLogger("nightshift.card")
CODE = "nightshift.code_version"
CAUSED_BY = "nightshift.caused_by"
CLOCKS_DIFFER = timedelta(days=1)


@dataclass(frozen=True)
class Records:
    """What the card is made from. `ours`: the ledger's entries about this version, oldest first."""

    store: ObjectStore
    model: str
    number: int
    record: Record | None
    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    copied: bool = False

    @property
    def ours(self) -> tuple[Entry, ...]:
        """The entries about this version."""
        return tuple(entry for entry in self.entries if entry.version == self.number)

    @property
    def run(self) -> Run | None:
        """The training run, if MLflow's part has it."""
        return self.record.run if self.record else None

    @property
    def night(self) -> str:
        """The night that the version was trained for, ISO; empty when no record says."""
        tagged = self.record.tags.get(NIGHT, "") if self.record else ""
        return tagged or next((entry.night for entry in self.ours), "")

    def get_result(self, kind: type[Detail]) -> Detail | None:
        """What a step of the version's night did, as its result is stored."""
        try:
            stored = step_results.load(self.store, self.model, date.fromisoformat(self.night), kind)
        except ValueError:
            return None
        return stored.detail if stored else None

    def get_document(self, name: str, kind: type[Document]) -> Document | None:
        """A JSON file of the run; None when there is none, or when it is no such record."""
        document = self.run.documents.get(name) if self.run else None
        try:
            return None if document is None else parse_plain(kind, document)
        except Misfit as misfit:
            log.info("%s of version %d of %s is not shown: %s", name, self.number, self.model, misfit)
            return None


def collect(store: ObjectStore, model: str, number: int, record: Record | None, *, copied: bool = False) -> ModelCard:
    """Returns the model card of a version. Raises `BadConfig` when no record knows it, `TryLater` when the store fails.

    `record`: MLflow's part, None when neither MLflow nor a kept copy has it. `copied`: it is a kept copy.
    """
    reading = ledger_reading.read_since(store, model, _get_start(record))
    records = Records(store, model, number, record, reading.entries, reading.faults, copied)
    registered = record is not None and record.registered
    if not registered and not any(number in (e.version, e.withdraws, e.champion_version) for e in records.entries):
        raise BadConfig(
            f"version {number} of model {model} is neither in MLflow nor in the ledger: `nightshift history {model}` "
            "lists the versions that were decided upon"
        )
    return _make_card(records, registered=registered)


def _get_start(record: Record | None) -> datetime | None:
    """Before when nothing can be about the version: its making, less what clocks may differ by. None: not known."""
    return datetime.fromisoformat(record.created) - CLOCKS_DIFFER if record is not None and record.created else None


def _make_card(records: Records, *, registered: bool) -> ModelCard:
    trained = _find_training(records)
    evaluated, evaluated_from = _find_evaluation(records)
    record = records.record
    predictions, unreadable = list_scored(records.store, records.model, records.number, _get_start(record))
    return ModelCard(
        model=records.model,
        number=records.number,
        collected=format_now(),
        night=records.night,
        state=find_state(records.entries, records.number, judged=evaluated is not None, registered=registered),
        data=_collect_data(records, trained, evaluated),
        origin=_collect_origin(records, trained),
        metrics=_collect_metrics(records, trained),
        # The picture of the verdict comes first.
        pictures=tuple(sorted(records.run.pictures, key=lambda name: name != "verdict.png")) if records.run else (),
        evaluated=evaluated,
        evaluated_from=evaluated_from,
        decisions=list_decisions(records.entries, records.number),
        periods=list_periods(records.entries, records.number),
        scored=predictions,
        copied=record.read if record is not None and records.copied else "",
        notes=(*_list_notes(records, trained), *records.faults, *unreadable),
    )


def _find_training(records: Records) -> Training | None:
    """What training wrote down with the run; without that, what the stored result says, if it is about this version."""
    training = records.get_document("train.json", Training)
    if training is not None:
        return training
    stored = records.get_result(TrainResult)
    return stored if stored and stored.version == records.number else None


def _find_evaluation(records: Records) -> tuple[EvaluateResult | None, str]:
    """The verdict as it was last acted upon, and where it stands; while nothing was decided, the one that is stored."""
    for entry in reversed(records.ours):
        if entry.verdict:
            return entry.verdict, f"entry {entry.number} of the ledger"
    attached = records.get_document("verdict.json", EvaluateResult)
    if attached:
        return attached, "verdict.json of the run; nothing was decided upon it yet"
    stored = records.get_result(EvaluateResult)
    if stored and stored.challenger_version == records.number:
        return stored, "the result of evaluate; nothing was decided upon it yet"
    return None, ""


def _collect_data(records: Records, trained: Training | None, evaluated: EvaluateResult | None) -> Data:
    read = records.get_document("inputs.json", dict[str, str]) or {}
    sources = records.run.sources if records.run else {}
    return collect_data(records.store, records.model, UsedRecords(trained, evaluated, read, sources))


def _collect_origin(records: Records, trained: Training | None) -> Origin:
    run, tags = records.run, records.record.tags if records.record else {}
    latest = records.ours[-1:]
    about_run: dict[str, Any] = {}
    if run:
        about_run = {
            "experiment": run.experiment,
            "run_status": run.status,
            "run_deleted": run.deleted,
            "started": run.started,
            "ended": run.ended,
            "environment": run.environment,
            "params": run.params,
            "caused_by": run.tags.get(CAUSED_BY, ""),
        }
    return Origin(
        code_version=tags.get(CODE, "") or (run.tags.get(CODE, "") if run else ""),
        model_code=tags.get(MODEL_CODE, "") or (run.tags.get(MODEL_CODE, "") if run else ""),
        image=(run.tags.get("nightshift.image", "") if run else "") or _find_first_cause(latest, "image"),
        run_id=(run.id if run else "") or next((entry.run_id for entry in latest), ""),
        created=records.record.created if records.record else "",
        artifact_sha256=tags.get(SHA256, "") or next((entry.artifact_sha256 for entry in latest), ""),
        idempotency_key=tags.get(KEY, "") or (trained.idempotency_key if trained else ""),
        tags=tags,
        **about_run,
    )


def _find_first_cause(entries: Sequence[Entry], name: str) -> str:
    return next((str(getattr(entry.cause, name)) for entry in entries), "")


def _collect_metrics(records: Records, trained: Training | None) -> dict[str, float]:
    return dict(trained.metrics if trained else {}) | dict(records.run.metrics if records.run else {})


def _list_notes(records: Records, trained: Training | None) -> list[str]:
    record, run = records.record, records.run
    notes = []
    if record is None or not record.registered:
        notes.append("MLflow's registry does not have this version (any more): the other records tell the rest")
    if run is None:
        notes.append("no run of this version is on record: its parameters, pictures and environment are not recorded")
    elif run.deleted:
        notes.append("the run is marked as deleted in MLflow")
    if not trained:
        notes.append("what training wrote down about its nights and rows is not recorded")
    return [*notes, *_compare_alias(records)]


def _compare_alias(records: Records) -> list[str]:
    """Whether MLflow's alias agrees with the ledger; a copy that is older than the ledger's end cannot say."""
    last = records.entries[-1] if records.entries else None
    champion = last.champion_version if last else None
    record = records.record
    if record is None or record.champion == champion or (last is not None and record.read < last.when):
        return []
    named = "no version" if record.champion is None else f"version {record.champion}"
    recorded = "no champion" if champion is None else f"version {champion} as champion"
    return [f"MLflow's alias champion named {named} on {format_instant(record.read)}, while the ledger has {recorded}"]
