"""Results as the steps leave them behind, made up where a test needs only what they say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.core.check_failure import CheckFailure
from nightshift.core.verdict import Check, SliceGain, Verdict
from nightshift.result_parts import CheckedDataset, LeftOutNight
from nightshift.results import (
    EvaluateResult,
    PromoteResult,
    Result,
    ScoreResult,
    StepDetail,
    Training,
    TrainResult,
    ValidateResult,
)

NIGHT = date(2013, 2, 9)
FAILURE = CheckFailure("expect_column_values_to_be_in_set", "carrier", "carrier: values must belong to this set")


def make_result(
    detail: StepDetail | None, *, model: str = "flights", night: date = NIGHT, **changes: Any
) -> Result[Any]:
    """The result of the step that did `detail`; without one, `verb` is among the changes."""
    fields: dict[str, Any] = {
        "verb": detail.verb if detail else None,
        "outcome": "done",
        "summary": "made up",
        "started": "2013-02-10T06:00:00+00:00",
        "seconds": 0.1,
        "code_version": "test",
        "caused_by": "a test",
    }
    return Result(model=model, night=night, detail=detail, **{**fields, **changes})


def make_dataset(dataset: str = "flights", **changes: Any) -> CheckedDataset:
    """A dataset that passed its checks; with `failed`, that many of them do not hold."""
    fields: dict[str, Any] = {
        "suite": dataset,
        "suite_digest": "s",
        "partition": f"s3://lake/{dataset}/date={NIGHT}/",
        "night": NIGHT,
        "digest": "d",
        "content": "c",
        "rows": 9,
        "expectations": 3,
        "failed": 0,
        "failures": (FAILURE,) * changes.get("failed", 0),
        "remarks": (),
        "page": "",
        "corrupted": False,
    }
    return CheckedDataset(dataset=dataset, **{**fields, **changes})


def make_validation(model: str, night: date, datasets: Sequence[CheckedDataset], **changes: Any) -> Result[Any]:
    """The result of a validation that passed, with these entries."""
    return make_result(ValidateResult(datasets=tuple(datasets)), model=model, night=night, **changes)


def make_training(**changes: Any) -> Training:
    """What training wrote down with its run."""
    training = Training(
        run_id="f" * 32,
        model_code="folder-7",
        artifact_sha256="a" * 64,
        idempotency_key="k" * 20,
        train_nights=(date(2013, 1, 30), date(2013, 1, 31)),
        holdout_nights=(date(2013, 2, 1), date(2013, 2, 2)),
        left_out=(LeftOutNight(night=date(2013, 1, 29), reason="it was never validated"),),
        joins=(),
        rows=4321,
        holdout_rows=1234,
        metrics={"log_loss": 0.5125},
        positive_rate=0.25,
    )
    return replace(training, **changes)


def make_train_result(version: int = 2, reused: bool = False, **changes: Any) -> TrainResult:
    """What `train` did."""
    return TrainResult(**vars(make_training(**changes)), version=version, reused=reused)


def make_verdict(promote: bool = True, **changes: Any) -> Verdict:
    """What the gate decided, with two checks and two groups."""
    verdict = Verdict(
        promote=promote,
        reason="it wins: by a lot" if promote else "it loses",
        metric="log_loss",
        challenger=0.5125,
        champion=0.5375,
        gain=0.025,
        interval=(0.0125, 0.0375),
        confidence=0.99,
        min_gain=-0.002,
        checks=(Check("floor", True, "low enough"), Check("better", promote, "better by far")),
        slices=(
            SliceGain(slice="carrier", group="UA", rows=900, gain=0.01, low=-0.01, high=0.02),
            SliceGain(slice="carrier", group="ZZ", rows=9),
        ),
    )
    return replace(verdict, **changes)


def make_evaluation(verdict: Verdict | None = None, **changes: Any) -> EvaluateResult:
    """What `evaluate` did: version 2 against champion 1."""
    result = EvaluateResult(
        verdict=verdict or make_verdict(),
        gate={"metric": "log_loss", "floor": 0.6},
        task="classification",
        challenger_version=2,
        champion_version=1,
        champion_night=date(2013, 2, 1),
        holdout_nights=(date(2013, 2, 1), date(2013, 2, 2)),
        left_out=(),
        joins=(),
        trusted={},
        rows=1234,
        run_id=f"{2:032x}",
        inputs={"s3://lake/flights/date=2013-02-02/": "d2"},
        model_code="folder-7",
        comparison="c" * 20,
        idempotency_key="a" * 20,
        seed=77,
        reused=False,
    )
    return replace(result, **changes)


def judged(entry: Entry) -> EvaluateResult:
    """The verdict that an entry of the ledger holds."""
    assert entry.verdict is not None
    return entry.verdict


def make_promotion(**changes: Any) -> PromoteResult:
    """What `promote` did: version 2 is champion."""
    result = PromoteResult(
        promoted=True,
        kind="promotion",
        champion_version=2,
        champion_night=date(2013, 2, 2),
        challenger_version=2,
        reason="it wins: by a lot",
        decision=None,
        ledger="s3://nightshift/ledger/flights/000002.json",
        evaluated_again=False,
        reused=False,
    )
    return replace(result, **changes)


def make_score(**changes: Any) -> ScoreResult:
    """What `score` published."""
    result = ScoreResult(
        version=2,
        scored_night=date(2013, 2, 10),
        rows=1234,
        manifest="s3://nightshift/scores/flights/date=2013-02-10/_MANIFEST.json",
        idempotency_key="e" * 20,
        reused=False,
        replaced=None,
    )
    return replace(result, **changes)
