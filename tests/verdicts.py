"""Stored verdicts as `evaluate` leaves them, for tests of what reads them."""

from typing import Any

from nightshift.result import Result

KEY = "0123456789abcdef0123"


def verdict(promote: bool = True, **more: Any) -> dict[str, Any]:
    """What the gate decided, with two checks and two groups."""
    return {
        "promote": promote,
        "reason": "it wins: log loss 0.5210 against 0.5287" if promote else "log loss 0.5400 must lie below the floor",
        "metric": "log_loss",
        "challenger": 0.521,
        "champion": 0.5287,
        "gain": 0.0077,
        "interval": [0.0021, 0.0133],
        "confidence": 0.99,
        "min_gain": 0.0,
        "checks": [
            {"name": "floor", "passed": promote, "sentence": "log loss 0.5210 must lie below the floor 0.75"},
            {"name": "better", "passed": True, "sentence": "a gain of +0.0077; at 99 % confidence at least +0.0021"},
        ],
        "slices": [
            {
                "slice": "origin",
                "group": "EWR",
                "rows": 3100,
                "gain": 0.01,
                "low": 0.004,
                "high": 0.016,
                "passed": True,
            },
            {"slice": "origin", "group": "TTN", "rows": 12, "gain": None, "low": None, "high": None, "passed": True},
        ],
        **more,
    }


def evaluated(night: str, model: str = "flights", **detail: Any) -> Result:
    """A result of `evaluate`: version 8 against champion 7."""
    return Result(
        model=model,
        night=night,
        verb="evaluate",
        outcome="done",
        summary="challenger 8 wins against champion 7",
        started="2013-02-10T06:00:00+00:00",
        seconds=9.5,
        code_version="v1",
        caused_by="a test",
        detail={
            "verdict": verdict(),
            "challenger_version": 8,
            "champion_version": 7,
            "champion_night": "2013-02-01",
            "holdout_nights": ["2013-01-31", "2013-02-01", "2013-02-02"],
            "left_out": [{"night": "2013-01-30", "reason": "its validation failed"}],
            "rows": 7512,
            "run_id": "f" * 32,
            "idempotency_key": KEY,
            "seed": 1,
            "reused": False,
            **detail,
        },
    )
