"""Stored verdicts as `evaluate` leaves them, for tests of what reads them."""

from datetime import date
from typing import Any

from nightshift.core.verdict import Check, SliceGain, Verdict
from nightshift.result_parts import LeftOutNight
from nightshift.results import EvaluateResult, Result
from support.stored_results import make_evaluation, make_result, make_verdict

KEY = "0123456789abcdef0123"


def build_verdict(promote: bool = True, **more: Any) -> Verdict:
    """What the gate decided, with two checks and two groups."""
    fields: dict[str, Any] = {
        "reason": "it wins: log loss 0.5210 against 0.5287" if promote else "log loss 0.5400 must lie below the floor",
        "challenger": 0.521,
        "champion": 0.5287,
        "gain": 0.0077,
        "interval": (0.0021, 0.0133),
        "min_gain": 0.0,
        "checks": (
            Check("floor", promote, "log loss 0.5210 must lie below the floor 0.75"),
            Check("better", True, "a gain of +0.0077; at 99 % confidence at least +0.0021"),
        ),
        "slices": (
            SliceGain(slice="origin", group="EWR", rows=3100, gain=0.01, low=0.004, high=0.016),
            SliceGain(slice="origin", group="TTN", rows=12),
        ),
    }
    return make_verdict(promote, **{**fields, **more})


def evaluation(**changes: Any) -> EvaluateResult:
    """What `evaluate` did: version 8 against champion 7."""
    fields: dict[str, Any] = {
        "verdict": build_verdict(),
        "challenger_version": 8,
        "champion_version": 7,
        "champion_night": date(2013, 2, 1),
        "holdout_nights": (date(2013, 1, 31), date(2013, 2, 1), date(2013, 2, 2)),
        "left_out": (LeftOutNight(night=date(2013, 1, 30), reason="its validation failed"),),
        "rows": 7512,
        "run_id": "f" * 32,
        "idempotency_key": KEY,
        "seed": 1,
    }
    return make_evaluation(**{**fields, **changes})


def build_evaluate_result(night: str, model: str = "flights", **changes: Any) -> Result[EvaluateResult]:
    """A result of `evaluate`, with these changes of what it did."""
    summary = "challenger 8 wins against champion 7"
    return make_result(evaluation(**changes), model=model, night=date.fromisoformat(night), summary=summary)
