"""The demo's summary says what happened, fits a terminal, and fails when a night did not end as it should."""

import io
from datetime import date
from typing import Any

import pytest
from rich.console import Console

from local_platform.demo import night_results, summary
from local_platform.demo.night_plan import Plan
from local_platform.demo.night_results import Night
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.results import Result, StepDetail, ValidateResult
from support.stored_results import (
    make_dataset,
    make_evaluation,
    make_promotion,
    make_result,
    make_score,
    make_train_result,
    make_verdict,
)

FIRST, SECOND, CORRUPTED, LAST = (date(2026, 3, day) for day in (10, 11, 12, 13))
PLAN = Plan("flights", (FIRST, SECOND, CORRUPTED, LAST), CORRUPTED)


def _result(night: date, outcome: str, detail: StepDetail | None, **changes: Any) -> Result[Any]:
    verb = detail.verb if detail else "train"
    return make_result(detail, night=night, outcome=outcome, verb=verb, summary=f"{verb} ended", **changes)


def _validation(failed: int = 0) -> ValidateResult:
    return ValidateResult(datasets=(make_dataset(expectations=26, failed=failed, corrupted=bool(failed)),))


def _blocked(night: date) -> Night:
    return Night(night, {"validate": _result(night, "rejected", _validation(3))})


def _ran(night: date, promoted: bool, champion: float | None, reason: str, superseded: bool = False) -> Night:
    verdict = make_verdict(
        promoted or superseded,
        reason=reason,
        challenger=0.5123,
        champion=champion,
        gain=None if champion is None else champion - 0.5123,
        interval=None if champion is None else (-0.0123, 0.0456),
    )
    evaluated = make_evaluation(
        verdict,
        challenger_version=7,
        champion_version=None if champion is None else 5,
        holdout_nights=(date(2026, 3, 9),) * 7,
    )
    results = (
        _result(night, "done", _validation()),
        _result(night, "done", make_train_result(7)),
        _result(night, "done", evaluated),
        _result(
            night,
            "done" if promoted else "nothing_to_do",
            make_promotion(promoted=promoted, reason=f"told: {reason}"),
        ),
        _result(night, "done", make_score(rows=1234)),
    )
    return Night(night, {result.verb: result for result in results})


def _good() -> list[Night]:
    return [
        _ran(FIRST, True, None, "there is no champion to beat"),
        _ran(SECOND, False, 0.51, "a gain of -0.0023 is not enough"),
        _blocked(CORRUPTED),
        _ran(LAST, True, 0.53, "it wins"),
    ]


def _shown(platform: Platform, ended: list[Night]) -> tuple[int, str]:
    text = io.StringIO()
    progress = Progress(Console(file=text, width=100))
    code = summary.show_summary(platform, PLAN, ended, progress, 200.0)
    return code, text.getvalue()


def test_a_good_end_is_said_with_every_number(platform: Platform) -> None:
    code, text = _shown(platform, _good())
    assert code == 0
    for arguments in (
        "2026-03-10 26 checks passed",
        "v7  0.5123",
        "v5  0.5100",
        "-0.0023  [-0.0123, +0.0456]",
        "1,234",
        "PROMOTED told: there is no champion to beat",
        "REFUSED a gain of -0.0023 is not enough",
        "3 of 26 checks failed",
        "BLOCKED flights, a copy corrupted on purpose: 3 of 26 checks failed; the first: carrier: values must belong",
        "log loss, lower is better; on the 7 days up to each night",
        f"http://localhost:{platform.settings.airflow_port}/dags/flights_nightly",
        f"/nightshift/runs/flights/{SECOND}/evaluate",
        f"/nightshift/docs/flights/{CORRUPTED}",
        f"http://localhost:{platform.settings.mlflow_port}",
        platform.settings.admin_password,
        platform.settings.analyst_password,
        "in 3 min 20 s",
    ):
        assert arguments in " ".join(text.split()) or arguments in text


def test_it_fits_a_terminal(platform: Platform) -> None:
    _, text = _shown(platform, _good())
    assert len(text.splitlines()) <= 30
    assert max(map(len, text.splitlines())) <= 100


def test_a_superseded_night_says_why_it_was_not_promoted() -> None:
    night = _ran(LAST, False, 0.53, "a newer champion stands", superseded=True)
    assert night.ending == "refused"
    assert night.reason == "told: a newer champion stands"


@pytest.mark.parametrize(
    ("index", "night", "expected"),
    [
        (2, _ran(CORRUPTED, False, 0.5, "-"), f"night {CORRUPTED} was to be blocked and ended as refused"),
        (3, _blocked(LAST), f"night {LAST} was to run and ended as blocked"),
        (3, Night(LAST), f"night {LAST} ended as unfinished: it has not ended"),
        (1, _ran(SECOND, True, 0.6, "it wins"), "no night was refused"),
        (
            1,
            Night(SECOND, {"train": _result(SECOND, "try_later", None)}),
            f"night {SECOND} ended as failed: train: train ended",
        ),
    ],
)
def test_a_night_that_ended_otherwise_fails_the_demo(
    platform: Platform, index: int, night: Night, expected: str
) -> None:
    ended = _good()
    ended[index] = night
    code, text = _shown(platform, ended)
    assert code == 1
    assert expected in " ".join(text.split())
    assert "Every night ended as it should" not in text


def test_a_night_is_read_from_object_storage(store: ObjectStore) -> None:
    for result in _good()[1].results.values():
        step_results.save(store, result)
    loaded = night_results.load_night(store, "flights", SECOND)
    assert loaded.ending == "refused"
    assert loaded.finished
    assert night_results.load_night(store, "flights", LAST).ending == "unfinished"
