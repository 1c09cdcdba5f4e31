"""Records of versions as the steps leave them, made by hand: entries of a ledger, MLflow's part, validations."""

from dataclasses import replace
from datetime import date
from typing import Any

from nightshift.adapters.mlflow.version_record import Record, Run
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion, number_entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.result_parts import CheckedDataset
from nightshift.results import EvaluateResult, StepDetail, ValidateResult
from nightshift.stored_records import to_plain
from support.stored_results import make_dataset, make_evaluation, make_result, make_training, make_verdict

CAUSE = Cause(by="flights_nightly:scheduled__2013-02-10T06:30:00+00:00", kind="scheduled", code_version="v1")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def build_entry(
    kind: str, version: int | None, champion: int | None, previous: int | None = None, **changes: Any
) -> Entry:
    """An entry about `version` with `champion` after it. Version N was trained for the night 2013-02-N.

    `withdrawn`: numbers of versions.
    """
    fields: dict[str, Any] = {
        "kind": kind,
        "model": "flights",
        "version": version,
        "night": get_night(version).isoformat() if version else "",
        "champion": build_identity(champion) if champion else None,
        "previous": build_identity(previous) if previous else None,
        "reason": f"the reason of {kind} {version}",
        "cause": CAUSE,
        "when": f"2013-03-{version or 28:02d}T06:30:00+00:00",
        "run_id": f"{version or 0:032x}",
    }
    withdrawn = tuple(build_identity(number) for number in changes.pop("withdrawn", ()))
    return Entry(**{**fields, **changes, "withdrawn": withdrawn})


def build_identity(version: int, entry: int = 0) -> LedgerVersion:
    """A version as the ledger has it."""
    return LedgerVersion(version=version, night=get_night(version).isoformat(), run_id=f"{version:032x}", entry=entry)


def get_night(version: int) -> date:
    """The night that a version was trained for."""
    return date(2013, 2, version)


def append(store: ObjectStore, *entries: Entry) -> list[Entry]:
    """Appends entries to the ledger of their model, as they would be: each with the entry that made its champion."""
    for item in entries:
        ledger = Ledger(store, item.model)
        last, digest = ledger.read_last()
        before = last.champion if last else None
        remaining = replace(item, champion=item.champion if item.changes_champion else before, previous=before)
        assert ledger.append(number_entry(remaining, last, digest))
    return list(reversed(list(Ledger(store, entries[0].model).iterate_newest_first())))


def build_verdict(promote: bool = True, **changes: Any) -> EvaluateResult:
    """What `evaluate` did about version 2 against champion 1."""
    return make_evaluation(make_verdict(promote, reason="it wins: by a lot"), **changes)


def record(number: int = 2, model: str = "flights", **changes: Any) -> Record:
    """MLflow's part of a version that was trained on 2013-01-30 and compared on the two nights after."""
    trained = to_plain(make_training())
    inputs = {f"s3://lake/flights/date=2013-{day}/": f"d{day[-1]}" for day in ("01-30", "01-31", "02-01", "02-02")}
    run = Run(
        id=f"{number:032x}",
        experiment="7",
        status="FINISHED",
        started="2013-02-03T06:00:00+00:00",
        ended="2013-02-03T06:01:00+00:00",
        params={"estimator": "Forest", "max_iter": "25"},
        metrics={"log_loss": 0.5125},
        tags={"nightshift.caused_by": "flights_nightly:scheduled__2013-02-03"},
        sources={"flights": "s3://lake/flights/date={night}/"},
        documents={"train.json": trained, "inputs.json": inputs},
        environment=("# Python 3.11.0", "numpy==2.0"),
        pictures=("roc.png", "verdict.png"),
    )
    created = Record(
        model=model,
        number=number,
        read="2013-03-09T00:00:00+00:00",
        registered=True,
        created="2013-02-03T06:01:00+00:00",
        tags={
            "nightshift.night": get_night(number).isoformat(),
            "nightshift.code_version": "v1",
            "nightshift.model_code": "folder-7",
        },
        champion=2,
        run=run,
    )
    return replace(created, **changes)


def build_validation(store: ObjectStore, night: date, digest: str, failed: int = 0, page: str = "") -> CheckedDataset:
    """Stores the result of a validation of the dataset flights; returns the dataset's entry."""
    dataset = make_dataset(
        partition=f"s3://lake/flights/date={night}/",
        night=night,
        digest=f"objects of {digest}",
        content=digest,
        rows=842,
        expectations=26,
        failed=failed,
        page=page,
    )
    save_result(store, night, ValidateResult(datasets=(dataset,)), outcome="rejected" if failed else "done")
    return dataset


def save_result(store: ObjectStore, night: date, detail: StepDetail, outcome: str = "done") -> None:
    """Stores the result of a step of the model flights."""
    step_results.save(store, make_result(detail, night=night, outcome=outcome, summary=f"the summary of {detail.verb}"))
