"""The gate: does the challenger replace the champion? A pure function of predictions, so any verdict can be redone.

The challenger must pass every check: its metric beats the floor; it is better than the champion by more than
`min_gain` with the asked confidence; no slice is surely worse by more than `max_slice_loss`; its predictions are sane.
Ties lose. Without a champion there is nothing to be better than, and the other checks decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightshift.core import sanity
from nightshift.core.bootstrap import Gain, Pairs, compute_paired_gain
from nightshift.core.metrics import Floats, Metric, find_metric
from nightshift.core.verdict import Check, SliceGain, Verdict
from nightshift.definition import FEWEST_PERIODS, Gate, Task

FEWEST_SHOWN = 20
"""Rows of a group that is named: the name of a smaller one may point at a person."""
OTHER = "other"
"""The group of all rows whose own is too small to be named."""


@dataclass(frozen=True)
class Holdout:
    """The rows of the comparison: labels, each row's day, and a group name per row for each slice of the gate."""

    labels: Floats
    day: NDArray[Any]
    slices: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)


@dataclass(frozen=True)
class Predicted:
    """Predictions of both models on the holdout; `champion` is None when there is none."""

    challenger: Floats
    champion: Floats | None


def judge(
    gate: Gate, task: Task, holdout: Holdout, predicted: Predicted, seed: int, also: Sequence[Check] = ()
) -> Verdict:
    """The verdict on a challenger. `also`: checks made elsewhere (the model loads again), which must pass as well.

    Raises `BadConfig` for a metric that the task does not have. The same arguments give the same verdict.
    """
    chosen = find_metric(gate.metric, task)
    challenger_value = _compute_value(chosen, holdout, predicted.challenger)
    sane = _check_sanity(gate, task, holdout, predicted.challenger)
    comparison = _compare(gate, chosen, holdout, predicted, seed) if sane[0].passed else Comparison()
    checks = (_check_floor(gate, chosen, challenger_value), *comparison.checks, *sane, *also)
    return Verdict(
        promote=all(check.passed for check in checks),
        reason=_explain_decision(checks),
        metric=chosen.name,
        challenger=challenger_value,
        champion=None if predicted.champion is None else _compute_value(chosen, holdout, predicted.champion),
        gain=comparison.gain.gain if comparison.gain else None,
        interval=comparison.gain.interval if comparison.gain else None,
        confidence=gate.confidence,
        min_gain=gate.min_gain,
        checks=checks,
        slices=comparison.slices,
    )


@dataclass(frozen=True)
class Comparison:
    """The comparison with the champion; empty when there is none."""

    checks: tuple[Check, ...] = ()
    gain: Gain | None = None
    slices: tuple[SliceGain, ...] = ()


def _compare(gate: Gate, chosen: Metric, holdout: Holdout, predicted: Predicted, seed: int) -> Comparison:
    if predicted.champion is None or np.isfinite(predicted.champion).all():
        return _compare_by_days(gate, chosen, holdout, predicted, seed)
    broken = int((~np.isfinite(predicted.champion)).sum())
    sentence = f"{broken} of {len(predicted.champion)} predictions of the champion are not finite numbers: withdraw it"
    return Comparison((Check("comparable", False, sentence),))


def _compare_by_days(gate: Gate, chosen: Metric, holdout: Holdout, predicted: Predicted, seed: int) -> Comparison:
    if predicted.champion is None:
        return Comparison()
    pairs = Pairs(holdout.labels, predicted.challenger, predicted.champion, holdout.day)
    gain = compute_paired_gain(chosen, pairs, gate.confidence, gate.resamples, seed)
    slices = tuple(_compare_slices(gate, chosen, holdout, pairs, seed))
    values = _compute_value(chosen, holdout, predicted.challenger), _compute_value(chosen, holdout, predicted.champion)
    checks = (_check_better(gate, chosen, gain, values), *((_check_slices(gate, slices),) if gate.slices else ()))
    return Comparison(checks, gain, slices)


def _check_sanity(gate: Gate, task: Task, holdout: Holdout, predictions: Floats) -> list[Check]:
    finite = sanity.check_finite(predictions)
    if not finite.passed:
        return [finite]
    gap = sanity.check_calibration(holdout.labels, predictions, gate.max_calibration_gap)
    return [finite, sanity.check_range(predictions, task), gap]


def _compute_value(chosen: Metric, holdout: Holdout, predictions: Floats) -> float | None:
    if not np.isfinite(predictions).all():
        return None
    value = chosen.compute_value(holdout.labels, predictions)
    return value if np.isfinite(value) else None


def _check_floor(gate: Gate, chosen: Metric, challenger_value: float | None) -> Check:
    if challenger_value is None:
        return Check("floor", False, f"{chosen.title} cannot be computed on these rows")
    side = "above" if chosen.higher_is_better else "below"
    passed = chosen.direction * (challenger_value - gate.floor) > 0
    return Check("floor", passed, f"{chosen.title} {challenger_value:.4f} must lie {side} the floor {gate.floor:.4g}")


def _check_better(gate: Gate, chosen: Metric, gain: Gain | None, values: tuple[float | None, float | None]) -> Check:
    if gain is None:
        return Check(
            "better", False, f"the holdout supports no comparison: at least {FEWEST_PERIODS} days of both outcomes"
        )
    challenger_value, champion_value = values
    against = f"{chosen.title} {challenger_value:.4f} against the champion's {champion_value:.4f}"
    sure = f"at {100 * gate.confidence:.4g} % confidence at least {gain.low:+.4f}"
    sentence = f"{against}, a gain of {gain.gain:+.4f}; {sure}, more than {gate.min_gain:+.4g} is needed"
    return Check("better", gain.low > gate.min_gain, sentence)


def _compare_slices(gate: Gate, chosen: Metric, holdout: Holdout, pairs: Pairs, seed: int) -> list[SliceGain]:
    slice_gains = []
    for name in gate.slices:
        groups = merge_small_groups(holdout.slices[name])
        for group in np.unique(groups):
            rows = groups == group
            slice_gains.append(_compare_slice(gate, chosen, pairs.select(rows), (name, str(group)), seed))
    return slice_gains


def merge_small_groups(groups: NDArray[np.str_]) -> NDArray[np.str_]:
    """The groups of a slice as they may be shown: those of fewer than `FEWEST_SHOWN` rows together, as one."""
    names, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    shown = np.where(counts >= FEWEST_SHOWN, names.astype(object), OTHER)
    return np.asarray(shown[places].astype(np.str_))


def _compare_slice(gate: Gate, chosen: Metric, pairs: Pairs, names: tuple[str, str], seed: int) -> SliceGain:
    rows = len(pairs.labels)
    enough = rows >= gate.min_slice_rows
    gain = compute_paired_gain(chosen, pairs, gate.confidence, gate.resamples, seed) if enough else None
    if gain is None:
        return SliceGain(slice=names[0], group=names[1], rows=rows)
    passed = gain.high >= -gate.max_slice_loss
    return SliceGain(
        slice=names[0], group=names[1], rows=rows, gain=gain.gain, low=gain.low, high=gain.high, passed=passed
    )


def _check_slices(gate: Gate, slices: Sequence[SliceGain]) -> Check:
    worse = [f"{gain.slice} {gain.group} ({gain.gain:+.4f})" for gain in slices if not gain.passed]
    compared = sum(gain.gain is not None for gain in slices)
    sentence = f"surely worse by more than {gate.max_slice_loss:.4g}: {', '.join(worse) or 'none'} of {compared} groups"
    return Check("slices", not worse, sentence)


def _explain_decision(checks: Sequence[Check]) -> str:
    failed = [check.sentence for check in checks if not check.passed]
    if failed:
        return "; ".join(failed)
    better = [check.sentence for check in checks if check.name == "better"]
    if better:
        return f"it wins: {better[0]}"
    return f"there is no champion to beat, and every check passed: {checks[0].sentence}"
