"""How often the bounds of the gain are right, and how often a challenger wins, over many made-up holdouts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, stdtrit

from nightshift.core.bootstrap import Gain, bounded, draws, gains
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


def ours(gain: float, by_day: Floats, confidence: float) -> Gain:
    """The gate's own bounds."""
    return bounded(gain, by_day, confidence, RESAMPLES, seed=1)


def percentile(gain: float, by_day: Floats, confidence: float) -> Gain:
    """The plain percentile interval."""
    return _quantiles(gain, by_day, 1 - confidence)


def expanded(gain: float, by_day: Floats, confidence: float) -> Gain:
    """The expanded percentile interval of Hesterberg (2015), the gate's method before."""
    count = len(by_day)
    return _quantiles(gain, by_day, float(ndtr(stdtrit(count - 1, 1 - confidence) * np.sqrt(count / (count - 1)))))


def student(gain: float, by_day: Floats, confidence: float) -> Gain:
    """Student's t of the pseudo-values alone."""
    margin = float(-stdtrit(len(by_day) - 1, 1 - confidence) * by_day.std(ddof=1) / np.sqrt(len(by_day)))
    return Gain(gain, gain - margin, gain + margin)


def _quantiles(gain: float, by_day: Floats, level: float) -> Gain:
    resampled = draws(len(by_day), RESAMPLES, 1) @ by_day / len(by_day)
    low, high = np.quantile(resampled, [level, 1 - level])
    return Gain(gain, float(low), float(high))


METHODS: dict[str, Bound] = {"percentile": percentile, "expanded": expanded, "t": student, "ours": ours}


def gains_of(world: World, metric: Metric, trials: int, seed: int, by_rows: bool = False) -> list[tuple[float, Floats]]:
    """The gain and its pseudo-values of so many holdouts; those on which the metric is undefined are left out.

    `by_rows`: every row is taken for a day of its own, which it is not.
    """
    generator = np.random.default_rng(seed)
    drawn = (world.drawn(generator) for _ in range(trials))
    pairs = (replace(one, day=np.arange(len(one.day))) if by_rows else one for one in drawn)
    found = (gains(metric, one) for one in pairs)
    return [(gain, by_day) for gain, by_day in found if np.isfinite(gain) and np.isfinite(by_day).all()]


def rates(found: Sequence[tuple[float, Floats]], truth: float, confidence: float, bound: Bound = ours) -> Rates:
    """What the bounds would have said of these holdouts."""
    bounds = [bound(gain, by_day, confidence) for gain, by_day in found]
    return Rates(
        _share(one.low > 0 for one in bounds),
        _share(one.low <= truth for one in bounds),
        _share(one.high >= truth for one in bounds),
    )


def _share(flags: Iterable[bool]) -> float:
    return float(np.mean(np.fromiter(flags, dtype=bool)))


def following(days: int, correlation: float, trials: int) -> list[tuple[float, Floats]]:
    """Holdouts of equal models whose gains vary normally by day and carry over to the next with this correlation."""
    shocks = np.random.default_rng(days).normal(0, 1, (trials, days))
    by_day = shocks.copy()
    for day in range(1, days):
        by_day[:, day] = correlation * by_day[:, day - 1] + np.sqrt(1 - correlation**2) * shocks[:, day]
    return [(float(one.mean()), one) for one in by_day]


def found_at(days: int, confidence: float, trials: int, power: float = 0.8) -> float:
    """The true gain, in standard deviations of a day's gain, that is found with this power; days vary normally."""
    generator = np.random.default_rng(days)
    noise = generator.normal(0, 1, (trials, days))
    low, high = 0.0, 6.0
    for _ in range(9):
        middle = (low + high) / 2
        found = [(float(one.mean() + middle), one + middle) for one in noise]
        low, high = (low, middle) if rates(found, middle, confidence).won >= power else (middle, high)
    return high
