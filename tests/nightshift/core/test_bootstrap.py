import numpy as np
import pytest
from scipy.stats import norm, t

from nightshift.core.bootstrap import MIN_DAYS, Gain, Pairs, draws, expanded_level, paired_gain
from nightshift.core.metrics import METRICS

LOSS = METRICS["mae"]


def _pairs(day_effects: np.ndarray, rows: int = 20) -> Pairs:
    """Rows whose absolute error differs between the models by the effect of their day: above 0, challenger better."""
    day = np.repeat(np.arange(len(day_effects)), rows)
    labels = np.zeros(len(day))
    return Pairs(labels, 1 - day_effects[day], np.ones(len(day)), day)


def _gain(day_effects: np.ndarray, confidence: float = 0.95, resamples: int = 1000) -> Gain:
    found = paired_gain(LOSS, _pairs(day_effects), confidence, resamples, seed=7)
    assert found is not None
    return found


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    effects = np.array([0.1, 0.2, -0.1, 0.05, 0.0, 0.3, 0.1])
    pairs = _pairs(effects)
    once, again, other = (paired_gain(LOSS, pairs, 0.95, 500, seed) for seed in (1, 1, 2))
    assert once == again != other


def test_gain_is_above_zero_when_the_challenger_is_better() -> None:
    assert _gain(np.full(7, 0.1)).gain == pytest.approx(0.1)
    assert _gain(np.full(7, -0.1)).high < 0


def test_equal_models_have_a_gain_of_exactly_nothing() -> None:
    found = _gain(np.zeros(7))
    assert (found.gain, found.low, found.high) == (0, 0, 0)


def test_days_are_drawn_whole() -> None:
    """One good day among seven: however many rows it has, the interval must admit that it may be missing."""
    effects = np.array([0.7, 0, 0, 0, 0, 0, 0])
    few, many = (paired_gain(LOSS, _pairs(effects, rows), 0.95, 1000, 1) for rows in (2, 400))
    assert few is not None
    assert many is not None
    assert few.low == pytest.approx(many.low) == 0


def test_too_few_days_support_no_interval() -> None:
    assert paired_gain(LOSS, _pairs(np.ones(MIN_DAYS - 1)), 0.95, 500, 1) is None
    assert paired_gain(LOSS, _pairs(np.ones(MIN_DAYS)), 0.95, 500, 1) is not None


def test_an_undefined_metric_supports_no_interval() -> None:
    assert paired_gain(METRICS["roc_auc"], _pairs(np.ones(7) / 2), 0.95, 500, 1) is None


def test_every_resample_draws_as_many_days_as_there_are() -> None:
    assert (draws(7, 100, 3).sum(axis=1) == 7).all()


@pytest.mark.parametrize("days", [4, 7, 28])
def test_the_expanded_level_is_the_one_of_the_paper(days: int) -> None:
    assert expanded_level(0.95, days) == pytest.approx(norm.cdf(np.sqrt(days / (days - 1)) * t.ppf(0.05, days - 1)))


def test_expanding_narrows_to_the_plain_level_with_many_days() -> None:
    assert expanded_level(0.95, 10_000) == pytest.approx(0.05, abs=1e-4)
    assert expanded_level(0.95, 7) == pytest.approx(0.018, abs=1e-3)


def test_a_model_that_is_no_better_rarely_wins() -> None:
    """Seven days, no true gain: at most about 5 % may win. A plain percentile interval lets 8 to 9 % through."""
    generator = np.random.default_rng(2013)
    trials = [_gain(generator.normal(0, 1, 7), resamples=400).low > 0 for _ in range(1500)]
    assert 0.02 < np.mean(trials) < 0.065
