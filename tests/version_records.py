"""Records of versions as the steps leave them, made by hand: entries of a ledger, MLflow's part, validations."""

from dataclasses import replace
from datetime import date
from typing import Any

from nightshift.adapters.mlflow.version_record import Record, Run
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion, number_entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.result import Result

CAUSE = Cause(by="flights_nightly:scheduled__2013-02-10T06:30:00+00:00", kind="scheduled", code_version="v1")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def entry(kind: str, version: int | None, champion: int | None, previous: int | None = None, **changes: Any) -> Entry:
    """An entry about `version` with `champion` after it. Version N was trained for the night 2013-02-N.

    `withdrawn`: numbers of versions.
    """
    fields: dict[str, Any] = {
        "kind": kind,
        "model": "flights",
        "version": version,
        "night": night_of(version).isoformat() if version else "",
        "champion": identity(champion) if champion else None,
        "previous": identity(previous) if previous else None,
        "reason": f"the reason of {kind} {version}",
        "cause": CAUSE,
        "when": f"2013-03-{version or 28:02d}T06:30:00+00:00",
        "run_id": f"{version or 0:032x}",
    }
    withdrawn = tuple(identity(number) for number in changes.pop("withdrawn", ()))
    return Entry(**{**fields, **changes, "withdrawn": withdrawn})


def identity(version: int, entry: int = 0) -> LedgerVersion:
    """A version as the ledger has it."""
    return LedgerVersion(version=version, night=night_of(version).isoformat(), run_id=f"{version:032x}", entry=entry)


def night_of(version: int) -> date:
    """The night that a version was trained for."""
    return date(2013, 2, version)


def append(store: ObjectStore, *found: Entry) -> list[Entry]:
    """Appends entries to the ledger of their model, as they would be: each with the entry that made its champion."""
    for one in found:
        ledger = Ledger(store, one.model)
        last, digest = ledger.read_last()
        before = last.champion if last else None
        kept = replace(one, champion=one.champion if one.changes_champion else before, previous=before)
        assert ledger.append(number_entry(kept, last, digest))
    return list(reversed(list(Ledger(store, found[0].model).newest_first())))


def verdict(promote: bool = True, **changes: Any) -> dict[str, Any]:
    """The detail of `evaluate` about version 2 against champion 1."""
    judged: dict[str, Any] = {
        "promote": promote,
        "reason": "it wins: by a lot",
        "metric": "log_loss",
        "challenger": 0.5125,
        "champion": 0.5375,
        "gain": 0.025,
        "interval": [0.0125, 0.0375],
        "confidence": 0.99,
        "min_gain": -0.002,
        "checks": [
            {"name": "floor", "passed": True, "sentence": "low enough"},
            {"name": "better", "passed": promote, "sentence": "better by far"},
        ],
        "slices": [
            {"slice": "carrier", "group": "UA", "rows": 900, "gain": 0.01, "low": -0.01, "high": 0.02, "passed": True},
            {"slice": "carrier", "group": "ZZ", "rows": 9, "gain": None, "low": None, "high": None, "passed": True},
        ],
    }
    detail: dict[str, Any] = {
        "verdict": judged,
        "challenger_version": 2,
        "champion_version": 1,
        "champion_night": "2013-02-01",
        "holdout_nights": ["2013-02-01", "2013-02-02"],
        "left_out": [],
        "rows": 1234,
        "run_id": f"{2:032x}",
        "idempotency_key": "a" * 20,
        "seed": 77,
        "gate": {"metric": "log_loss", "floor": 0.6},
        "inputs": {"s3://lake/flights/date=2013-02-02/": "d2"},
    }
    return {**detail, **changes}


def record(number: int = 2, model: str = "flights", **changes: Any) -> Record:
    """MLflow's part of a version that was trained on 2013-01-30 and compared on the two nights after."""
    trained = {
        "train_nights": ["2013-01-30", "2013-01-31"],
        "holdout_nights": ["2013-02-01", "2013-02-02"],
        "left_out": [{"night": "2013-01-29", "reason": "it was never validated"}],
        "rows": 4321,
        "holdout_rows": 1234,
        "positive_rate": 0.25,
        "metrics": {"log_loss": 0.5125},
    }
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
    made = Record(
        model=model,
        number=number,
        read="2013-03-09T00:00:00+00:00",
        registered=True,
        created="2013-02-03T06:01:00+00:00",
        tags={
            "nightshift.night": night_of(number).isoformat(),
            "nightshift.code_version": "v1",
            "nightshift.model_code": "folder-7",
        },
        champion=2,
        run=run,
    )
    return replace(made, **changes)


def validated(store: ObjectStore, night: date, digest: str, failed: int = 0, page: str = "") -> dict[str, Any]:
    """The result of a validation of the dataset flights; returns the dataset's entry."""
    dataset: dict[str, Any] = {
        "dataset": "flights",
        "suite": "flights",
        "partition": f"s3://lake/flights/date={night}/",
        "night": night.isoformat(),
        "digest": f"objects of {digest}",
        "content": digest,
        "rows": 842,
        "expectations": 26,
        "failed": failed,
        "page": page,
        "corrupted": False,
    }
    result(store, night, "validate", {"datasets": [dataset]}, outcome="rejected" if failed else "done")
    return dataset


def result(store: ObjectStore, night: date, verb: str, detail: dict[str, Any], outcome: str = "done") -> None:
    """The result of a step of the model flights."""
    step_results.save(
        store,
        Result(
            model="flights",
            night=night.isoformat(),
            verb=verb,
            outcome=outcome,
            summary=f"the summary of {verb}",
            started="2013-03-01T06:30:00+00:00",
            seconds=1.0,
            code_version="v1",
            caused_by="a test",
            detail=detail,
        ),
    )
