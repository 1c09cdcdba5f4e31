"""The gate replayed over the real flights of 2013: what it promotes, how gains vary by day, what it can find."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from scipy.stats import skew

from flights_year import Year
from nightshift.core.bootstrap import Gain, Pairs, bounded, gains, paired_gain
from nightshift.core.metrics import METRICS, Floats

LOG_LOSS = METRICS["log_loss"]
RESAMPLES = 2000
AFTER_DAYS = 30
ROWS_OF_A_DAY = 500
"""Flights that are looked at of each day where rows stand for days: every day has as many."""


@dataclass(frozen=True)
class Replay:
    """A year of the gate, in log loss: of the champions on each next day; of promotions, the mean gain.

    `claimed`: on the holdout that decided; `lasting`: over the thirty days after it.
    """

    promotions: int
    nights: int
    next_day_loss: float
    claimed: float
    lasting: float


def pairs(year: Year, challenger: int, champion: int, rows: slice) -> Pairs:
    """Two challengers of the year on the same rows."""
    said = year.predicted(challenger, rows), year.predicted(champion, rows)
    return Pairs(year.labels[rows], said[0], said[1], year.day[rows])


def replay(year: Year, confidence: float) -> Replay:
    """Every night's challenger against the champion that stands; confidence 0: every challenger is promoted."""
    champion, claimed, lasting, losses, rows = 0, [], [], 0.0, 0
    for index, night in enumerate(year.nights[:-1]):
        gain = _duel(year, index, champion, confidence)
        if gain is not None and (gain.low > 0 or not confidence):
            after = year.rows(night + timedelta(days=1), night + timedelta(days=AFTER_DAYS))
            lasting.append(gains(LOG_LOSS, pairs(year, index, champion, after))[0])
            claimed.append(gain.gain)
            champion = index
        tomorrow = year.rows(night + timedelta(days=1), night + timedelta(days=1))
        count = tomorrow.stop - tomorrow.start
        losses += count * LOG_LOSS.value(year.labels[tomorrow], year.predicted(champion, tomorrow))
        rows += count
    return Replay(len(claimed), len(year.nights) - 2, losses / rows, float(np.mean(claimed)), float(np.mean(lasting)))


def _duel(year: Year, challenger: int, champion: int, confidence: float) -> Gain | None:
    if challenger == champion:
        return None
    night = year.nights[challenger]
    compared = pairs(year, challenger, champion, year.holdout(night))
    return paired_gain(LOG_LOSS, compared, confidence or 0.9, RESAMPLES, seed=night.toordinal())


@dataclass(frozen=True)
class Days:
    """How the gain over a champion so many nights older varies by day."""

    deviation: float
    next_day: float
    skewness: tuple[float, float]


def by_day(year: Year, age: int) -> Days:
    """Median deviation, mean correlation from one day to the next, and the middle 80 % of skewness, over 39 days."""
    found = []
    for index in range(age, len(year.nights) - AFTER_DAYS, 5):
        night = year.nights[index]
        rows = year.rows(night - timedelta(days=8), night + timedelta(days=AFTER_DAYS))
        _, values = gains(LOG_LOSS, pairs(year, index, index - age, rows))
        off = values - values.mean()
        found.append((values.std(), off[1:] @ off[:-1] / (off @ off), float(skew(values))))
    deviation, next_day, skewness = np.array(found).T
    low, high = np.quantile(skewness, [0.1, 0.9])
    return Days(float(np.median(deviation)), float(next_day.mean()), (float(low), float(high)))


def equal_pairs(year: Year, age: int, seed: int, step: int) -> Iterator[Pairs]:
    """Real holdouts on which a coin says, day by day, which of the two models is called the challenger.

    Their true gain is 0 whatever the models are, while the rows of a day stay as alike as they are.
    """
    generator = np.random.default_rng(seed)
    for index in range(age, len(year.nights), step):
        one = pairs(year, index, index - age, year.holdout(year.nights[index]))
        _, day = np.unique(one.day, return_inverse=True)
        swapped = (generator.random(int(day.max()) + 1) < 0.5)[day]
        ours = np.where(swapped, one.champion, one.challenger)
        yield replace(one, challenger=ours, champion=np.where(swapped, one.challenger, one.champion))


def won_by_days(year: Year, age: int, confidence: float, seeds: range) -> float:
    """How often equal models win when days are drawn."""
    found = [gains(LOG_LOSS, one) for seed in seeds for one in equal_pairs(year, age, seed, step=1)]
    return _won(found, confidence, 0.0)


def won_by_rows(year: Year, age: int, confidence: float, seed: int) -> float:
    """How often equal models win when rows are drawn as if each were a day, with as many rows of every day."""
    found = [_row_gains(one) for one in equal_pairs(year, age, seed, step=1)]
    return float(np.mean([bounded(float(g.mean()), g, confidence, 1000, seed=1).low > 0 for g in found]))


def _row_gains(one: Pairs) -> Floats:
    _, starts = np.unique(one.day, return_index=True)
    step = np.diff(np.append(starts, len(one.day))) / ROWS_OF_A_DAY
    chosen = (starts[:, None] + (step[:, None] * np.arange(ROWS_OF_A_DAY)).astype(int)).ravel()
    late = one.labels[chosen] == 1
    ours, theirs = (np.where(late, p[chosen], 1 - p[chosen]) for p in (one.challenger, one.champion))
    return np.asarray(np.log(ours) - np.log(theirs))


def found_at(year: Year, age: int, confidence: float, power: float = 0.8) -> float:
    """The true gain in log loss that is found with this power: real variation by day, and that gain on top."""
    found = [gains(LOG_LOSS, one) for one in equal_pairs(year, age, 3, step=1)]
    low, high = 0.0, 0.3
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (low, middle) if _won(found, confidence, middle) >= power else (middle, high)
    return high


def _won(found: list[tuple[float, Floats]], confidence: float, more: float) -> float:
    bounds = (bounded(gain + more, by_day + more, confidence, RESAMPLES, seed=1) for gain, by_day in found)
    return float(np.mean([one.low > 0 for one in bounds]))
