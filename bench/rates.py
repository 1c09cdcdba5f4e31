"""How often the bounds of the gain are right, and how often a challenger wins, over many made-up holdouts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, stdtrit

from nightshift.core.bootstrap import Gain, compute_bounds, compute_gains, draw_weights
from nightshift.core.metrics import Floats, Metric
from worlds import World

RESAMPLES = 2000
Bound = Callable[[float, Floats, float], Gain]
"""Gain, its pseudo-values by day and a confidence, to the gain with its bounds."""


@dataclass(frozen=True)
class Rates:
    """Shares of the trials: the challenger won; the true gain lay above the lower, below the upper bound."""

    won: float
    low_right: float
    high_right: float


def compute_gate_bounds(gain: float, by_day: Floats, confidence: float) -> Gain:
    """Returns the gate's own bounds."""
    return compute_bounds(gain, by_day, confidence, RESAMPLES, seed=1)


def compute_percentile_bounds(gain: float, by_day: Floats, confidence: float) -> Gain:
    """Returns the plain percentile interval."""
    return _compute_quantiles(gain, by_day, 1 - confidence)


def compute_expanded_bounds(gain: float, by_day: Floats, confidence: float) -> Gain:
    """Returns the expanded percentile interval of Hesterberg (2015), the gate's method before."""
    count = len(by_day)
    level = float(ndtr(stdtrit(count - 1, 1 - confidence) * np.sqrt(count / (count - 1))))
    return _compute_quantiles(gain, by_day, level)


def compute_student_bounds(gain: float, by_day: Floats, confidence: float) -> Gain:
    """Student's t of the pseudo-values alone."""
    margin = float(-stdtrit(len(by_day) - 1, 1 - confidence) * by_day.std(ddof=1) / np.sqrt(len(by_day)))
    return Gain(gain, gain - margin, gain + margin)


def _compute_quantiles(gain: float, by_day: Floats, level: float) -> Gain:
    resampled = draw_weights(len(by_day), RESAMPLES, 1) @ by_day / len(by_day)
    low, high = np.quantile(resampled, [level, 1 - level])
    return Gain(gain, float(low), float(high))


METHODS: dict[str, Bound] = {
    "percentile": compute_percentile_bounds,
    "expanded": compute_expanded_bounds,
    "t": compute_student_bounds,
    "gate": compute_gate_bounds,
}


def draw_gains(
    world: World, metric: Metric, trials: int, seed: int, by_rows: bool = False
) -> list[tuple[float, Floats]]:
    """Returns the gain and its pseudo-values of so many holdouts; those on which the metric is undefined are left out.

    `by_rows`: every row is treated as a day of its own, which it is not.
    """
    generator = np.random.default_rng(seed)
    drawn = (world.draw(generator) for _ in range(trials))
    holdouts = (replace(pairs, day=np.arange(len(pairs.day))) if by_rows else pairs for pairs in drawn)
    comparisons = (compute_gains(metric, pairs) for pairs in holdouts)
    return [(gain, by_day) for gain, by_day in comparisons if np.isfinite(gain) and np.isfinite(by_day).all()]


def compute_rates(
    comparisons: Sequence[tuple[float, Floats]], truth: float, confidence: float, bound: Bound = compute_gate_bounds
) -> Rates:
    """Returns how often these bounds hold and the challenger wins on these holdouts."""
    bounds = [bound(gain, by_day, confidence) for gain, by_day in comparisons]
    return Rates(
        _compute_share(computed.low > 0 for computed in bounds),
        _compute_share(computed.low <= truth for computed in bounds),
        _compute_share(computed.high >= truth for computed in bounds),
    )


def _compute_share(flags: Iterable[bool]) -> float:
    return float(np.mean(np.fromiter(flags, dtype=bool)))


def draw_correlated_gains(days: int, correlation: float, trials: int) -> list[tuple[float, Floats]]:
    """Returns holdouts of equal models whose gains vary normally by day and carry over to the next with this
    correlation.
    """
    shocks = np.random.default_rng(days).normal(0, 1, (trials, days))
    by_day = shocks.copy()
    for day in range(1, days):
        by_day[:, day] = correlation * by_day[:, day - 1] + np.sqrt(1 - correlation**2) * shocks[:, day]
    return [(float(gains_by_day.mean()), gains_by_day) for gains_by_day in by_day]


def find_detectable_gain(days: int, confidence: float, trials: int, power: float = 0.8) -> float:
    """Returns the true gain, in deviations of a day's gain, that is detected with this power; days vary normally."""
    generator = np.random.default_rng(days)
    noise = generator.normal(0, 1, (trials, days))
    low, high = 0.0, 6.0
    for _ in range(9):
        middle = (low + high) / 2
        comparisons = [(float(gains_by_day.mean() + middle), gains_by_day + middle) for gains_by_day in noise]
        low, high = (low, middle) if compute_rates(comparisons, middle, confidence).won >= power else (middle, high)
    return high
