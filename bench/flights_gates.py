"""Replays the gate over the real flights of 2013: what it promotes, how gains vary by day, what it can detect."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from scipy.stats import skew

from flights_year import Year
from nightshift.core.bootstrap import Gain, Pairs, compute_bounds, compute_gains, compute_paired_gain
from nightshift.core.metrics import METRICS, Floats

LOG_LOSS = METRICS["log_loss"]
RESAMPLES = 2000
AFTER_DAYS = 30
ROWS_OF_A_DAY = 500
"""How many flights of each day are used where rows are drawn instead of days."""


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


def build_pairs(year: Year, challenger: int, champion: int, rows: slice) -> Pairs:
    """Returns the predictions of two challengers of the year for the same rows."""
    predictions = year.get_predictions(challenger, rows), year.get_predictions(champion, rows)
    return Pairs(year.labels[rows], predictions[0], predictions[1], year.day[rows])


def replay_year(year: Year, confidence: float) -> Replay:
    """Replays every night's challenger against the current champion. Confidence 0: every challenger is promoted."""
    champion, claimed, lasting, losses, rows = 0, [], [], 0.0, 0
    for index, night in enumerate(year.nights[:-1]):
        gain = _compare(year, index, champion, confidence)
        if gain is not None and (gain.low > 0 or not confidence):
            after = year.find_rows(night + timedelta(days=1), night + timedelta(days=AFTER_DAYS))
            lasting.append(compute_gains(LOG_LOSS, build_pairs(year, index, champion, after))[0])
            claimed.append(gain.gain)
            champion = index
        tomorrow = year.find_rows(night + timedelta(days=1), night + timedelta(days=1))
        count = tomorrow.stop - tomorrow.start
        losses += count * LOG_LOSS.compute_value(year.labels[tomorrow], year.get_predictions(champion, tomorrow))
        rows += count
    return Replay(len(claimed), len(year.nights) - 2, losses / rows, float(np.mean(claimed)), float(np.mean(lasting)))


def _compare(year: Year, challenger: int, champion: int, confidence: float) -> Gain | None:
    if challenger == champion:
        return None
    night = year.nights[challenger]
    compared = build_pairs(year, challenger, champion, year.find_holdout_rows(night))
    return compute_paired_gain(LOG_LOSS, compared, confidence or 0.9, RESAMPLES, seed=night.toordinal())


@dataclass(frozen=True)
class Days:
    """How the gain over a champion so many nights older varies by day."""

    deviation: float
    next_day: float
    skewness: tuple[float, float]


def measure_by_day(year: Year, age: int) -> Days:
    """Returns the median deviation, the mean correlation from one day to the next, and the middle 80 % of skewness.

    Each is over 39 days.
    """
    measured = []
    for index in range(age, len(year.nights) - AFTER_DAYS, 5):
        night = year.nights[index]
        rows = year.find_rows(night - timedelta(days=8), night + timedelta(days=AFTER_DAYS))
        _, values = compute_gains(LOG_LOSS, build_pairs(year, index, index - age, rows))
        off = values - values.mean()
        measured.append((values.std(), off[1:] @ off[:-1] / (off @ off), float(skew(values))))
    deviation, next_day, skewness = np.array(measured).T
    low, high = np.quantile(skewness, [0.1, 0.9])
    return Days(float(np.median(deviation)), float(next_day.mean()), (float(low), float(high)))


def draw_equal_pairs(year: Year, age: int, seed: int, step: int) -> Iterator[Pairs]:
    """Yields real holdouts on which a coin decides, day by day, which of the two models is called the challenger.

    Their true gain is 0 whatever the models are, while the rows of a day stay as similar as they are.
    """
    generator = np.random.default_rng(seed)
    for index in range(age, len(year.nights), step):
        pairs = build_pairs(year, index, index - age, year.find_holdout_rows(year.nights[index]))
        _, day = np.unique(pairs.day, return_inverse=True)
        swapped = (generator.random(int(day.max()) + 1) < 0.5)[day]
        challenger = np.where(swapped, pairs.champion, pairs.challenger)
        yield replace(pairs, challenger=challenger, champion=np.where(swapped, pairs.challenger, pairs.champion))


def measure_wins_by_days(year: Year, age: int, confidence: float, seeds: range) -> float:
    """Returns how often equal models win when days are drawn."""
    comparisons = [
        compute_gains(LOG_LOSS, pairs) for seed in seeds for pairs in draw_equal_pairs(year, age, seed, step=1)
    ]
    return _compute_share_won(comparisons, confidence, 0.0)


def measure_wins_by_rows(year: Year, age: int, confidence: float, seed: int) -> float:
    """Returns how often equal models win when rows are drawn as if each were a day, with as many rows of every day."""
    row_gains = [_compute_row_gains(pairs) for pairs in draw_equal_pairs(year, age, seed, step=1)]
    return float(np.mean([compute_bounds(float(g.mean()), g, confidence, 1000, seed=1).low > 0 for g in row_gains]))


def _compute_row_gains(pairs: Pairs) -> Floats:
    _, starts = np.unique(pairs.day, return_index=True)
    step = np.diff(np.append(starts, len(pairs.day))) / ROWS_OF_A_DAY
    chosen = (starts[:, None] + (step[:, None] * np.arange(ROWS_OF_A_DAY)).astype(int)).ravel()
    late = pairs.labels[chosen] == 1
    challenger, champion = (np.where(late, p[chosen], 1 - p[chosen]) for p in (pairs.challenger, pairs.champion))
    return np.asarray(np.log(challenger) - np.log(champion))


def find_detectable_gain(year: Year, age: int, confidence: float, power: float = 0.8) -> float:
    """Returns the true gain in log loss that is detected with this power, on top of real variation by day."""
    comparisons = [compute_gains(LOG_LOSS, pairs) for pairs in draw_equal_pairs(year, age, 3, step=1)]
    low, high = 0.0, 0.3
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (low, middle) if _compute_share_won(comparisons, confidence, middle) >= power else (middle, high)
    return high


def _compute_share_won(comparisons: list[tuple[float, Floats]], confidence: float, extra_gain: float) -> float:
    bounds = (
        compute_bounds(gain + extra_gain, by_day + extra_gain, confidence, RESAMPLES, seed=1)
        for gain, by_day in comparisons
    )
    return float(np.mean([bound.low > 0 for bound in bounds]))
