"""The paired block bootstrap: how surely one model's metric is better than another's on the same rows.

Rows of one day share weather, congestion, holidays: they are not independent, so whole days are drawn, with
replacement, and both models are measured on the same draw (Künsch 1989, "The jackknife and the bootstrap for general
stationary observations"; paired as in Efron and Tibshirani 1993, "An Introduction to the Bootstrap").

A holdout has few days, and a plain percentile interval of few blocks is too narrow: it ignores both the n − 1 and the
t quantile. The levels are therefore widened as Hesterberg (2015, "What Teachers Should Know About the Bootstrap", The
American Statistician 69(4), the *expanded percentile interval*): with seven days a one-sided 95 % bound is read at the
1.8 % quantile of the resamples. A test measures the false promotions that remain.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from nightshift.core.metrics import Floats, Metric

MIN_DAYS = 4
"""Fewer days support no 95 % bound: with three, even the worst resample, one day thrice, comes up 1 time in 27."""


@dataclass(frozen=True)
class Gain:
    """By how much the challenger is better, in the metric's units, above 0: better. `low`, `high`: one-sided bounds."""

    gain: float
    low: float
    high: float

    @property
    def interval(self) -> list[float]:
        """The two bounds; each holds with the confidence asked for."""
        return [self.low, self.high]


def draws(days: int, resamples: int, seed: int) -> Floats:
    """How often each day was drawn: resamples × days, each row summing to `days`. The same seed, the same draws."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(days, np.full(days, 1 / days), size=resamples).astype(np.float64)


def expanded_level(confidence: float, days: int) -> float:
    """The quantile of the resamples that serves as lower bound at `confidence` with this many days."""
    return float(ndtr(stdtrit(days - 1, 1 - confidence) * np.sqrt(days / (days - 1))))


@dataclass(frozen=True)
class Pairs:
    """The rows that both models predicted. `day` names each row's day, of any type that sorts."""

    labels: Floats
    challenger: Floats
    champion: Floats
    day: NDArray[Any]

    def where(self, chosen: NDArray[np.bool_]) -> "Pairs":
        """Only the chosen rows."""
        return Pairs(self.labels[chosen], self.challenger[chosen], self.champion[chosen], self.day[chosen])


def paired_gain(metric: Metric, pairs: Pairs, confidence: float, resamples: int, seed: int) -> Gain | None:
    """The challenger's gain with its bounds, or None where the rows support none.

    None: fewer than `MIN_DAYS` days have rows, or the metric is undefined on them (AUC of one class).
    """
    days, day = np.unique(pairs.day, return_inverse=True)
    if len(days) < MIN_DAYS:
        return None
    ours = metric.prepare(pairs.labels, pairs.challenger, day)
    theirs = metric.prepare(pairs.labels, pairs.champion, day)
    once, drawn = np.ones((1, len(days))), draws(len(days), resamples, seed)
    gain = metric.direction * float((ours(once) - theirs(once))[0])
    resampled = metric.direction * (ours(drawn) - theirs(drawn))
    resampled = resampled[np.isfinite(resampled)]
    if not np.isfinite(gain) or len(resampled) < resamples / 2:
        return None
    level = expanded_level(confidence, len(days))
    low, high = np.quantile(resampled, [level, 1 - level])
    # Adding 0 turns the −0.0 of a tie into 0.0.
    return Gain(gain + 0.0, float(low) + 0.0, float(high) + 0.0)
