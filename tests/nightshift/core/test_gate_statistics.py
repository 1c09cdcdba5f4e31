"""The gate's promises, measured: equal models seldom win, bounds hold, better models are found, days are not rows.

`bench/gate_statistics.py` measures the same with ten times the trials. Every share below may leave its promise by three
standard errors of its own simulation, and no more; seeds are fixed.
"""

from dataclasses import replace

import numpy as np
import pytest

import rates
import year_of_nights
from nightshift.core.gate import Holdout, Predicted, judge
from nightshift.core.metrics import METRICS, Floats
from nightshift.definition import Gate
from worlds import World, build_lopsided, list_metrics

TRIALS = 500
DEFAULT = Gate(metric="log_loss", floor=0.7).confidence
CONFIDENCES = (0.9, 0.95, DEFAULT)
NIGHTLY = World(days=9, rows=60, classes=True)
MONTH = World(days=28, rows=20, classes=True)
NUMBERS = World(days=9, rows=60, classes=False)
WEEKLY = World(days=8, rows=7, classes=False)
CASES = [(world, metric.name) for world in (NIGHTLY, MONTH, NUMBERS, WEEKLY) for metric in list_metrics(world)]
Found = list[tuple[float, Floats]]


def _slack(share: float, trials: int) -> float:
    return 3 * float(np.sqrt(share * (1 - share) / trials))


@pytest.fixture(scope="module")
def equal() -> list[Found]:
    """Per case the gains of equal models, on so many holdouts."""
    return [rates.draw_gains(world, METRICS[name], TRIALS, seed=41) for world, name in CASES]


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_equal_models_win_no_oftener_than_asked(equal: list[Found], confidence: float) -> None:
    """In no case; and over all cases, which is sharper. Metrics of one holdout go together: half as many samples."""
    alpha = 1 - confidence
    won = [rates.compute_rates(item, 0, confidence).won for item in equal]
    assert max(won) <= alpha + _slack(alpha, TRIALS), dict(zip(CASES, won, strict=True))
    assert np.mean(won) <= alpha + _slack(alpha, TRIALS * len(CASES) // 2)
    assert np.mean(won) >= alpha / 3, "so cautious that nothing would be found either"


@pytest.mark.parametrize("method", ["percentile", "expanded"])
def test_intervals_of_quantiles_would_let_too_many_through(equal: list[Found], method: str) -> None:
    """The reason for a bootstrap-t: at the default, quantiles of so few days promote too often."""
    won = np.mean([rates.compute_rates(item, 0, DEFAULT, rates.METHODS[method]).won for item in equal])
    assert won > 1.3 * (1 - DEFAULT)


@pytest.mark.parametrize(("world", "name"), CASES)
def test_a_bound_holds_as_often_as_it_says_for_a_better_challenger(world: World, name: str) -> None:
    better, metric = replace(world, edge=0.3), METRICS[name]
    truth = better.compute_true_gain(metric)
    actual = rates.compute_rates(rates.draw_gains(better, metric, TRIALS, seed=43), truth, 0.95)
    assert truth > 0
    assert actual.low_right >= 0.95 - _slack(0.05, TRIALS)
    # Squares are skewed upwards, and nine days show little of it; of a slice this bound asks, never of a promotion.
    assert actual.high_right >= 0.9 - _slack(0.1, TRIALS)


def test_a_model_that_is_rarely_far_off_wins_little_oftener_than_asked() -> None:
    """Of two equal models the champion is as likely the one that is far off: together they keep the promise."""
    metric = METRICS["log_loss"]
    world = build_lopsided(NIGHTLY, metric, rare=0.15, rare_error=0.9)
    actual = rates.draw_gains(world, metric, TRIALS, seed=44)
    exchanged = [(-gain, -by_day) for gain, by_day in actual]
    won, lost = (rates.compute_rates(some, 0, 0.95).won for some in (actual, exchanged))
    assert (won + lost) / 2 <= 0.05 + _slack(0.05, 2 * TRIALS)
    assert won < rates.compute_rates(actual, 0, 0.95, rates.compute_student_bounds).won, (
        "the bootstrap-t heeds the skew, Student's t does not"
    )


@pytest.mark.parametrize(("days", "size"), [(7, 2.05), (9, 1.5), (28, 0.65)])
def test_a_better_challenger_of_the_stated_size_is_found_with_eighty_per_cent(days: int, size: float) -> None:
    """Sizes in standard deviations of a day's gain, at the default confidence, as docs/statistics.md states them."""
    noise = np.random.default_rng(45).normal(size, 1, (TRIALS, days))
    actual = [(float(item.mean()), item) for item in noise]
    won = rates.compute_rates(actual, size, DEFAULT).won
    assert 0.8 - _slack(0.8, TRIALS) <= won <= 0.9


def test_rows_taken_for_days_would_promote_many_times_too_often(equal: list[Found]) -> None:
    by_rows = rates.draw_gains(NIGHTLY, METRICS["log_loss"], 200, seed=41, by_rows=True)
    days = rates.compute_rates(equal[CASES.index((NIGHTLY, "log_loss"))], 0, 0.95).won
    rows = rates.compute_rates(by_rows, 0, 0.95).won
    assert rows > 0.09
    assert rows > 2 * days


def test_the_gate_itself_takes_days_for_its_blocks() -> None:
    """Through `judge`, with days as dates: what the functions under it promise, the verdict keeps."""
    gate = Gate(metric="log_loss", floor=10, confidence=0.95, max_calibration_gap=1)
    generator, won = np.random.default_rng(46), []
    for _ in range(400):
        pairs = replace(NIGHTLY, rows=100).draw(generator)
        day = np.datetime64("2013-03-01") + pairs.day
        predicted = Predicted(pairs.challenger, pairs.champion)
        won.append(judge(gate, "classification", Holdout(pairs.labels, day), predicted, seed=1).promote)
    assert 0.01 <= np.mean(won) <= 0.05 + _slack(0.05, 400)


def test_in_a_year_of_equal_challengers_the_champion_seldom_changes() -> None:
    """The reason for the default: at .95 luck replaces the champion every other month, at the default rarely."""
    default = [len(year) for year in year_of_nights.draw_years(20, DEFAULT, seed=2013)]
    loose = [len(year) for year in year_of_nights.draw_years(8, 0.95, seed=2013)]
    assert np.median(default) <= 2
    assert np.mean(default) <= 2.5
    assert np.mean(loose) > 3 * np.mean(default)


def test_what_a_lucky_winner_claimed_does_not_last() -> None:
    """The winner's curse: of equal challengers those promoted claim much, and gain nothing on the nights after."""
    changes = [item for year in year_of_nights.draw_years(8, 0.95, seed=7) for item in year if item.night < 330]
    assert np.mean([item.claimed for item in changes]) > 0.4
    assert abs(np.mean([item.lasting for item in changes])) < 0.1


def test_a_truly_better_challenger_reigns_within_days() -> None:
    """By one deviation of a day's gain better: a year of nights, most of which it would lose, finds it soon."""
    assert year_of_nights.measure_wait(year_of_nights.draw_years(10, DEFAULT, seed=9, better=1.0)) <= 7
