from dataclasses import replace

import numpy as np
import pytest

from nightshift.core.gate import Holdout, Predicted, judge, merge_small_groups
from nightshift.core.verdict import Check, Verdict
from nightshift.definition import Gate

DAYS, ROWS = 7, 300
GATE = Gate(metric="log_loss", floor=0.6, confidence=0.95, slices=("origin",), max_slice_loss=0.02, resamples=500)
GENERATOR = np.random.default_rng(12)
LABELS = (GENERATOR.random(DAYS * ROWS) < 0.4).astype(float)
ORIGIN = np.array(["EWR", "JFK", "LGA"])[np.arange(DAYS * ROWS) % 3]
DAY = np.repeat(np.arange(np.datetime64("2013-02-01"), np.datetime64("2013-02-08")), ROWS)
HOLDOUT = Holdout(LABELS, DAY, {"origin": ORIGIN})


def _says(strength: float) -> np.ndarray:
    """Predictions that know the label the better the stronger: 0 knows nothing."""
    noise = np.random.default_rng(3).normal(0, 0.02, len(LABELS))
    return np.clip(0.4 + strength * (LABELS - 0.4) + noise, 0.02, 0.98)


def _judge(challenger: np.ndarray, champion: np.ndarray | None, gate: Gate = GATE, **more: object) -> Verdict:
    return judge(gate, "classification", HOLDOUT, Predicted(challenger, champion), seed=5, **more)  # type: ignore[arg-type]


def _failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def test_a_better_challenger_wins() -> None:
    verdict = _judge(_says(0.4), _says(0.3))
    assert verdict.promote
    assert verdict.gain is not None
    assert verdict.interval is not None
    assert 0 < verdict.interval[0] < verdict.gain < verdict.interval[1]
    assert verdict.challenger is not None
    assert verdict.champion is not None
    assert verdict.challenger < verdict.champion
    assert "it wins: log loss" in verdict.reason


def test_a_worse_challenger_loses() -> None:
    verdict = _judge(_says(0.3), _says(0.4))
    assert not verdict.promote
    assert "better" in _failed(verdict)
    assert verdict.gain is not None
    assert verdict.gain < 0


def test_a_tie_loses() -> None:
    verdict = _judge(_says(0.3), _says(0.3))
    assert _failed(verdict) == ["better"]
    assert verdict.gain == 0


def test_a_gain_that_is_not_sure_loses() -> None:
    slightly = _says(0.3) + np.random.default_rng(8).normal(0, 0.05, len(LABELS)) + 0.0003 * (LABELS - 0.4)
    verdict = _judge(np.clip(slightly, 0.02, 0.98), _says(0.3))
    assert not verdict.promote
    assert verdict.interval is not None
    assert verdict.interval[0] < 0


def test_a_gain_must_exceed_min_gain_with_the_same_confidence() -> None:
    won = _judge(_says(0.4), _says(0.3))
    assert won.interval is not None
    assert won.gain is not None
    between = (won.interval[0] + won.gain) / 2
    assert _failed(_judge(_says(0.4), _says(0.3), replace(GATE, min_gain=between))) == ["better"]
    assert _judge(_says(0.4), _says(0.3), replace(GATE, min_gain=won.interval[0] - 1e-6)).promote


def test_a_negative_min_gain_lets_a_fresher_model_win_that_is_not_worse() -> None:
    fresher = replace(GATE, min_gain=-0.01)
    assert _judge(_says(0.3), _says(0.3), fresher).promote
    assert _failed(_judge(_says(0.2), _says(0.4), fresher))[0] == "better"


def test_without_a_champion_the_floor_and_sanity_decide() -> None:
    verdict = _judge(_says(0.3), None)
    assert verdict.promote
    assert (verdict.champion, verdict.gain, verdict.interval, verdict.slices) == (None, None, None, ())
    assert _failed(_judge(_says(-0.2), None)) == ["floor"]


def test_the_floor_holds_even_for_a_better_challenger() -> None:
    assert _failed(_judge(_says(0.4), _says(0.3), replace(GATE, floor=0.1))) == ["floor"]


def test_the_floor_knows_the_direction_of_its_metric() -> None:
    gate = replace(GATE, metric="roc_auc", floor=0.9)
    assert _judge(_says(0.4), None, gate).promote
    assert _failed(_judge(_says(0.0), None, gate)) == ["floor"]


def test_one_slice_that_is_surely_worse_refuses_a_better_challenger() -> None:
    good = np.where(ORIGIN == "LGA", _says(0.25), _says(0.5))
    verdict = _judge(good, _says(0.3))
    assert _failed(verdict) == ["slices"]
    groups = {slice_gain.group: slice_gain for slice_gain in verdict.slices}
    assert [group for group, slice_gain in groups.items() if not slice_gain.passed] == ["LGA"]
    assert groups["LGA"].high is not None
    assert groups["LGA"].high < -GATE.max_slice_loss
    assert "origin LGA" in verdict.reason
    assert _judge(good, _says(0.3), replace(GATE, max_slice_loss=0.5)).promote


def test_a_slice_that_may_be_worse_but_is_not_surely_so_does_not_refuse() -> None:
    """On one day of seven LGA is predicted badly: its gain is below zero, and a resample without that day is above."""
    champion = _says(0.3)
    spoilt = (ORIGIN == "LGA") & (np.datetime64("2013-02-01") == DAY)
    verdict = _judge(np.where(spoilt, 1 - _says(0.5), _says(0.35)), champion, replace(GATE, max_slice_loss=0))
    group = next(slice_gain for slice_gain in verdict.slices if slice_gain.group == "LGA")
    assert group.gain is not None
    assert group.low is not None
    assert group.high is not None
    assert group.low < 0 < group.high
    assert group.passed


def test_a_slice_with_few_rows_is_shown_and_does_not_decide() -> None:
    origin = ORIGIN.copy()
    origin[:: len(LABELS) // 50] = "TEB"
    bad = np.where(origin == "TEB", 1 - _says(0.4), _says(0.5))
    predicted = Predicted(bad, _says(0.3))
    verdict = judge(GATE, "classification", Holdout(LABELS, DAY, {"origin": origin}), predicted, seed=5)
    small = next(slice_gain for slice_gain in verdict.slices if slice_gain.group == "TEB")
    assert (small.rows, small.gain, small.passed) == (50, None, True)
    assert verdict.promote


def test_too_few_days_are_no_comparison() -> None:
    rows = np.datetime64("2013-02-04") > DAY
    holdout = Holdout(LABELS[rows], DAY[rows], {"origin": ORIGIN[rows]})
    verdict = judge(GATE, "classification", holdout, Predicted(_says(0.5)[rows], _says(0.3)[rows]), seed=5)
    assert _failed(verdict) == ["better"]
    assert "at least 4 days" in verdict.reason


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda p: np.where(np.arange(len(p)) == 7, np.nan, p), "finite"),
        (lambda p: np.where(np.arange(len(p)) == 7, 1.01, p), "in_range"),
        (lambda p: np.clip(p * 0.5, 0.01, 1), "calibrated"),
    ],
)
def test_insane_predictions_are_refused(spoil: object, check: str) -> None:
    verdict = _judge(spoil(_says(0.6)), None)  # type: ignore[operator]
    assert check in _failed(verdict)


def test_a_check_made_elsewhere_counts() -> None:
    verdict = _judge(_says(0.4), _says(0.3), also=[Check("reloads", False, "it does not load")])
    assert _failed(verdict) == ["reloads"]
    assert verdict.reason == "it does not load"


def test_a_verdict_can_be_computed_again() -> None:
    assert _judge(_says(0.4), _says(0.3)) == _judge(_says(0.4), _says(0.3))


def test_a_challenger_that_learnt_shuffled_labels_loses() -> None:
    shuffled = _says(0.3)[np.random.default_rng(1).permutation(len(LABELS))]
    assert not _judge(shuffled, _says(0.3)).promote


def test_a_regression_is_judged_by_its_own_metric() -> None:
    truth = np.random.default_rng(2).normal(100, 20, len(LABELS))
    near, far = (truth + np.random.default_rng(4).normal(0, width, len(truth)) for width in (5, 8))
    gate = Gate(metric="rmse", floor=30, max_calibration_gap=2)
    assert judge(gate, "regression", Holdout(truth, DAY), Predicted(near, far), seed=1).promote
    assert not judge(gate, "regression", Holdout(truth, DAY), Predicted(far, near), seed=1).promote


def test_a_champion_that_gives_no_number_is_not_compared_and_nothing_wins() -> None:
    broken = _says(0.3)
    broken[[3, 8]] = np.nan
    verdict = _judge(_says(0.4), broken)
    assert _failed(verdict) == ["comparable"]
    assert "2 of 2100 predictions of the champion are not finite numbers" in verdict.reason
    assert (verdict.champion, verdict.gain) == (None, None)


def test_groups_too_small_to_be_named_are_one() -> None:
    groups = np.array(["big"] * 30 + ["small"] * 19 + ["tiny"] * 2 + ["enough"] * 20)
    assert dict(zip(*np.unique(merge_small_groups(groups), return_counts=True), strict=True)) == {
        "big": 30,
        "enough": 20,
        "other": 21,
    }
    origin = ORIGIN.copy()
    origin[:3] = "canary"
    verdict = judge(
        GATE, "classification", Holdout(LABELS, DAY, {"origin": origin}), Predicted(_says(0.4), None), seed=5
    )
    assert "canary" not in str(verdict)
