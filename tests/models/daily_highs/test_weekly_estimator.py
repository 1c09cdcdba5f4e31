"""The estimator on the real weeks: it beats what anybody could say, repeats itself, and is stored without code."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.typing import NDArray

from models.daily_highs import features
from models.daily_highs.definition import MODEL
from models.daily_highs.estimator import TRUSTED, estimator
from nightshift.core import windows
from nightshift.core.gate import Holdout, Predicted, judge

Record = Mapping[str, Mapping[date, pd.DataFrame]]
FeaturesOf = Callable[[Record, date], pd.DataFrame]
Floats = NDArray[np.float64]
Rows = tuple[pd.DataFrame, Floats]
RowsOf = Callable[[Iterable[date]], Rows]
PERIOD = MODEL.schedule.period
SEASON = ["year_sin", "year_cos", "half_year_sin", "half_year_cos"]
NIGHTS = [date(2013, 5, 5) + number * 4 * PERIOD for number in range(34)]
NIGHT = date(2014, 9, 28)


@pytest.fixture(scope="module")
def rows_of(record: Record, features_of: FeaturesOf) -> RowsOf:
    @cache
    def week(night: date) -> tuple[pd.DataFrame, pd.Series]:
        return features_of(record, night), features.labels(record["observed"][night])

    def of(nights: Iterable[date]) -> Rows:
        actual = [week(night) for night in nights]
        return pd.concat([x for x, _ in actual]), np.concatenate([y.to_numpy() for _, y in actual])

    return of


@pytest.mark.slow
def test_over_the_record_it_beats_the_season_alone_and_the_day_before(record: Record, rows_of: RowsOf) -> None:
    """Every fourth week of the record, each predicted by a model of the year that its night would have learned from."""
    errors: dict[str, list[float]] = {"model": [], "season": [], "sunday": []}
    for night in NIGHTS:
        learned, labels = rows_of(windows.list_training(night, MODEL.window, PERIOD))
        coming, truth = rows_of([night + PERIOD])
        for name, columns in (("model", list(learned)), ("season", SEASON)):
            fitted = estimator(1).fit(learned[columns], labels)
            errors[name].append(float(np.abs(fitted.predict(coming[columns]) - truth).mean()))
        errors["sunday"].append(float(np.abs(record["observed"][night]["temp_max"].iloc[-1] - truth).mean()))
    model, season, sunday = (float(np.mean(errors[name])) for name in ("model", "season", "sunday"))
    assert 1.5 < model < season - 0.1  # below: it would have to know the week itself
    assert model < sunday - 0.5


def test_it_is_stored_and_loaded_with_the_trusted_types_alone(rows_of: RowsOf) -> None:
    rows, labels = rows_of(windows.list_training(NIGHT, MODEL.window, PERIOD))
    fitted = estimator(7).fit(rows, labels)
    data = skops.io.dumps(fitted)
    assert set(skops.io.get_untrusted_types(data=data)) == set(TRUSTED)
    loaded = skops.io.loads(data, trusted=list(TRUSTED))
    assert (loaded.predict(rows) == fitted.predict(rows)).all()
    assert (estimator(8).fit(rows, labels).predict(rows) == fitted.predict(rows)).all()


def test_a_week_that_nobody_observed_is_predicted_all_the_same(rows_of: RowsOf) -> None:
    rows, labels = rows_of(windows.list_training(NIGHT, MODEL.window, PERIOD))
    fitted = estimator(7).fit(rows, labels)
    blind = rows.head(7).assign(month=np.nan, week_over_month=np.nan, sunday_over_month=np.nan)
    assert np.abs(fitted.predict(blind) - labels[:7]).max() < 15


def test_the_gate_refuses_what_learned_from_shuffled_days_and_accepts_an_honest_first(rows_of: RowsOf) -> None:
    rows, labels = rows_of(windows.list_training(NIGHT, MODEL.window, PERIOD))
    nights = windows.list_holdout(NIGHT, MODEL.window, PERIOD)
    compared, truth = rows_of(nights)
    near = np.tile(["days 1 to 3"] * 3 + ["days 4 to 7"] * 4, len(nights))
    holdout = Holdout(truth, np.repeat(np.array(nights, dtype="datetime64[D]"), 7), {"ahead": near})
    honest = estimator(7).fit(rows, labels).predict(compared)
    shuffled = estimator(7).fit(rows, np.random.default_rng(0).permutation(labels)).predict(compared)
    assert judge(MODEL.gate, MODEL.task, holdout, Predicted(honest, None), seed=1).promote
    verdict = judge(MODEL.gate, MODEL.task, holdout, Predicted(shuffled, honest), seed=1)
    assert {check.name for check in verdict.checks if not check.passed} >= {"floor", "better", "slices"}


def test_the_features_look_no_further_back_than_the_history() -> None:
    assert timedelta(days=MODEL.window.history_days) == 4 * PERIOD
