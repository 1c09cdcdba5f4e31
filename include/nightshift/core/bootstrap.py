"""The paired bootstrap of days: how surely one model's metric is better than another's on the same rows.

Rows of one day share weather, congestion, holidays: they are not independent, so whole days are drawn, with
replacement, and both models are measured on the same days (Künsch 1989, "The jackknife and the bootstrap for general
stationary observations"; paired as in Efron and Tibshirani 1993, "An Introduction to the Bootstrap").

Each day is condensed into its *pseudo-value*: what it adds to the gain, by leaving it out (Tukey 1958). Any metric, a
mean or not, becomes one number per day, and their spread is the gain's standard error. How many standard errors a bound
lies away is the larger of two multiples, since each alone lets too many equal models through somewhere:
- the t quantile with days − 1 degrees of freedom: right for few days, too small when the gains of days are skewed;
- the *bootstrap-t* (Hall 1988, "Theoretical comparison of bootstrap confidence intervals", section 3; of jackknifed
  statistics: Hinkley and Wei 1984, "Improvements of jackknife confidence limit methods"): days are drawn, and each
  draw's own t gives the multiple. It follows skew, and is too small when one day in many is far off.
Unlike quantiles of resampled gains, neither is bounded by the worst day seen, so that 99 % can be asked of nine days.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from nightshift.core.metrics import Floats, Metric
from nightshift.definition import FEWEST_PERIODS

FEWEST_DRAWN = 3
"""A draw of only one or two different days has hardly any spread of its own, and its t says nothing: of four days one
draw in three is such, and with these a 95 % bound would lie 3.8 standard errors away in the median instead of 2.4."""
SAME = 1e-12
"""Days that differ by less than this share of the variance are the same."""


@dataclass(frozen=True)
class Gain:
    """By how much the challenger is better, in the metric's units, above 0: better. `low`, `high`: one-sided bounds."""

    gain: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        """The two bounds; each holds with the confidence asked for."""
        return self.low, self.high


@lru_cache(maxsize=4)
def draw_weights(days: int, resamples: int, seed: int) -> Floats:
    """How often each day was drawn: resamples × days, each row summing to `days`. The same seed, the same draws."""
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(days, np.full(days, 1 / days), size=resamples).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


@dataclass(frozen=True)
class Pairs:
    """The rows that both models predicted. `day` names each row's day, of any type that sorts."""

    labels: Floats
    challenger: Floats
    champion: Floats
    day: NDArray[Any]

    def select(self, chosen: NDArray[np.bool_]) -> "Pairs":
        """Only the chosen rows."""
        return Pairs(self.labels[chosen], self.challenger[chosen], self.champion[chosen], self.day[chosen])


def compute_paired_gain(metric: Metric, pairs: Pairs, confidence: float, resamples: int, seed: int) -> Gain | None:
    """The challenger's gain with its bounds, or None where the rows support none.

    None: fewer than `FEWEST_PERIODS` days have rows, or the metric is undefined on them or on all but one (AUC of one
    class).
    """
    gain, by_day = compute_gains(metric, pairs)
    if len(by_day) < FEWEST_PERIODS or not (np.isfinite(gain) and np.isfinite(by_day).all()):
        return None
    return compute_bounds(gain, by_day, confidence, resamples, seed)


def compute_bounds(gain: float, by_day: Floats, confidence: float, resamples: int, seed: int) -> Gain:
    """The gain with its bounds, from each day's pseudo-value of it."""
    error = float(by_day.std(ddof=1) / np.sqrt(len(by_day)))
    down, up = compute_multiples(by_day, confidence, resamples, seed)
    # Adding 0 turns the −0.0 of a tie into 0.0.
    return Gain(gain + 0.0, gain - down * error + 0.0, gain + up * error + 0.0)


def compute_gains(metric: Metric, pairs: Pairs) -> tuple[float, Floats]:
    """The gain over all rows, and each day's pseudo-value of it; NaN where the metric is undefined."""
    days, day = np.unique(pairs.day, return_inverse=True)
    count = len(days)
    challenger_metric = metric.prepare(pairs.labels, pairs.challenger, day)
    champion_metric = metric.prepare(pairs.labels, pairs.champion, day)
    # All days once, then all but one.
    weights = np.vstack([np.ones(count), 1 - np.eye(count)])
    gain = metric.direction * (challenger_metric(weights) - champion_metric(weights))
    return float(gain[0]), count * gain[0] - (count - 1) * gain[1:]


def compute_multiples(by_day: Floats, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
    """How many standard errors the lower and the upper one-sided bound lie away from the gain."""
    count = len(by_day)
    student = -float(stdtrit(count - 1, 1 - confidence))
    drawn_t = _studentize(by_day - by_day.mean(), draw_weights(count, resamples, seed))
    if not len(drawn_t):
        return student, student
    left, right = np.quantile(drawn_t, [1 - confidence, confidence])
    return max(student, float(right)), max(student, -float(left))


def _studentize(centred: Floats, drawn: Floats) -> Floats:
    """Each draw's mean in standard errors of that draw; draws of fewer than `FEWEST_DRAWN` days are left out."""
    count = len(centred)
    mean, square = drawn @ centred / count, drawn @ centred**2 / count
    variance = square - mean**2
    varied = ((drawn > 0).sum(axis=1) >= FEWEST_DRAWN) & (variance > SAME * np.mean(centred**2))
    return np.asarray(mean[varied] / np.sqrt(variance[varied] / (count - 1)))
