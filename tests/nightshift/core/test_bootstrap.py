import numpy as np
import pytest
from scipy.stats import t

from nightshift.core.bootstrap import (
    Gain,
    Pairs,
    compute_bounds,
    compute_gains,
    compute_multiples,
    compute_paired_gain,
    draw_weights,
)
from nightshift.core.metrics import METRICS
from nightshift.definition import FEWEST_PERIODS

LOSS = METRICS["mae"]
NINE = np.array([0.1, 0.2, -0.1, 0.05, 0.0, 0.3, 0.1, -0.05, 0.15])


def _pairs(day_effects: np.ndarray, rows: int = 20) -> Pairs:
    """Rows whose absolute error differs between the models by the effect of their day: above 0, challenger better."""
    day = np.repeat(np.arange(len(day_effects)), rows)
    labels = np.zeros(len(day))
    return Pairs(labels, 1 - day_effects[day], np.ones(len(day)), day)


def _gain(day_effects: np.ndarray, confidence: float = 0.95, resamples: int = 1000) -> Gain:
    actual = compute_paired_gain(LOSS, _pairs(day_effects), confidence, resamples, seed=7)
    assert actual is not None
    return actual


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    pairs = _pairs(-np.exp(np.arange(7.0)))
    once, second, other = (compute_paired_gain(LOSS, pairs, 0.95, 500, seed) for seed in (1, 1, 2))
    assert once == second != other


def test_gain_is_above_zero_when_the_challenger_is_better() -> None:
    assert _gain(np.full(7, 0.1)).gain == pytest.approx(0.1)
    assert _gain(np.full(7, -0.1)).high < 0


def test_equal_models_have_a_gain_of_exactly_nothing() -> None:
    actual = _gain(np.zeros(7))
    assert (actual.gain, actual.low, actual.high) == (0, 0, 0)


def test_more_rows_in_a_day_are_no_more_days() -> None:
    few, many = (compute_paired_gain(LOSS, _pairs(NINE, rows), 0.95, 1000, 1) for rows in (2, 400))
    assert few is not None
    assert many is not None
    assert few.interval == pytest.approx(many.interval)


def test_one_good_day_among_seven_proves_nothing() -> None:
    assert _gain(np.array([0.7, 0, 0, 0, 0, 0, 0])).low < 0


def test_too_few_days_support_no_interval() -> None:
    assert compute_paired_gain(LOSS, _pairs(np.ones(FEWEST_PERIODS - 1)), 0.95, 500, 1) is None
    assert compute_paired_gain(LOSS, _pairs(np.ones(FEWEST_PERIODS)), 0.95, 500, 1) is not None


def test_an_undefined_metric_supports_no_interval() -> None:
    assert compute_paired_gain(METRICS["roc_auc"], _pairs(np.ones(7) / 2), 0.95, 500, 1) is None


def test_a_metric_that_one_day_alone_defines_supports_no_interval() -> None:
    """Without the one day that has a late row AUC is undefined, so nothing is known of how it varies."""
    day = np.repeat(np.arange(7), 20)
    labels, says = (day == 3).astype(float), np.random.default_rng(1).random((2, len(day)))
    assert compute_paired_gain(METRICS["roc_auc"], Pairs(labels, says[0], says[1], day), 0.95, 500, 1) is None


def test_every_resample_draws_as_many_days_as_there_are() -> None:
    assert (draw_weights(7, 100, 3).sum(axis=1) == 7).all()


def test_the_pseudo_values_of_a_mean_are_the_means_of_its_days() -> None:
    gain, by_day = compute_gains(LOSS, _pairs(NINE))
    assert gain == pytest.approx(NINE.mean())
    assert by_day == pytest.approx(NINE)


def test_pseudo_values_know_how_many_rows_a_day_has() -> None:
    """A day with nine tenths of the rows decides nine tenths of the gain: leaving it out changes nearly everything."""
    day = np.repeat(np.arange(5), [180, 5, 5, 5, 5])
    effects = np.array([1.0, 0, 0, 0, 0])
    gain, by_day = compute_gains(LOSS, Pairs(np.zeros(200), 1 - effects[day], np.ones(200), day))
    assert gain == pytest.approx(0.9)
    assert by_day == pytest.approx([4.5, *np.full(4, 5 * 0.9 - 4 * 180 / 195)])


@pytest.mark.parametrize("name", METRICS)
def test_the_error_of_any_metric_is_the_one_that_resampling_its_days_shows(name: str) -> None:
    """The standard error by leaving days out against the spread of the metric itself over drawn days."""
    generator = np.random.default_rng(5)
    day = np.repeat(np.arange(40), 60)
    labels = (generator.random(len(day)) < 0.3).astype(float)
    near, far = (np.clip(0.3 + k * (labels - 0.3) + generator.normal(0, 0.2, len(day)), 0.02, 0.98) for k in (0.5, 0.3))
    pairs, metric = Pairs(labels, near, far, day), METRICS[name]
    _, by_day = compute_gains(metric, pairs)
    drawn = draw_weights(40, 3000, 2)
    spread = (metric.prepare(labels, near, day)(drawn) - metric.prepare(labels, far, day)(drawn)).std()
    assert by_day.std() / np.sqrt(40) == pytest.approx(spread, rel=0.06)


@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_a_bound_is_at_least_the_one_of_students_t(confidence: float) -> None:
    actual = compute_bounds(float(NINE.mean()), NINE, confidence, 5000, 1)
    margin = t.ppf(confidence, 8) * NINE.std(ddof=1) / 3
    assert actual.low <= NINE.mean() - margin + 1e-12
    assert actual.high >= NINE.mean() + margin - 1e-12


def test_skewed_days_push_away_the_bound_on_their_far_side() -> None:
    """Many days a little above the mean and few far below: the next few may be worse than any seen."""
    skewed = np.array([1, 1.1, 0.9, 1, 1.2, 0.8, 1, 1.1, -3.0])
    down, up = compute_multiples(skewed, 0.95, 5000, 1)
    assert up == pytest.approx(t.ppf(0.95, 8))
    assert down > 1.3 * up
    actual = compute_bounds(float(skewed.mean()), skewed, 0.95, 5000, 1)
    assert (actual.gain - actual.low) / (actual.high - actual.gain) == pytest.approx(down / up)


def test_draws_of_one_or_two_days_do_not_decide() -> None:
    """They have hardly any spread to divide by; with four days they would more than double the distance."""
    generator = np.random.default_rng(1)
    actual = [compute_multiples(generator.normal(size=4), 0.95, 2000, 1)[0] for _ in range(200)]
    assert np.median(actual) == pytest.approx(t.ppf(0.95, 3))
    assert np.mean(actual) < 1.5 * t.ppf(0.95, 3)


def test_no_bound_is_infinite_where_a_draw_may_hold_one_day_only() -> None:
    actual = compute_bounds(0.5, np.array([0.4, 0.6, 0.5, 0.55]), 0.995, 10_000, 1)
    assert np.isfinite([actual.low, actual.high]).all()
