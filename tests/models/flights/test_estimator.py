"""The estimator on real nights: it learns, it repeats itself, it can be stored without trusting code."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

from models.flights import features
from models.flights.definition import MODEL
from models.flights.estimator import TRUSTED, estimator
from nightshift.core import windows
from nightshift.core.gate import Holdout, Predicted, judge
from support.flights_record import FeaturesOf, Record

NIGHT = date(2013, 11, 20)
Rows = tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def rows(record: Record, features_of: FeaturesOf) -> dict[str, Rows]:
    """The training and holdout rows of one night: features, labels, ordinal of the day, origin."""

    def of(nights: tuple[date, ...]) -> Rows:
        parts = [_labelled(record, features_of, night) for night in nights]
        frames, labels, days, origins = zip(*parts, strict=True)
        return pd.concat(frames), np.concatenate(labels), np.concatenate(days), np.concatenate(origins)

    return {
        "train": of(windows.list_training(NIGHT, MODEL.window)),
        "holdout": of(windows.list_holdout(NIGHT, MODEL.window)),
    }


def _labelled(record: Record, features_of: FeaturesOf, night: date) -> Rows:
    key = list(MODEL.key)
    scheduled, facts = record["schedule"][night], record["flights"][night]
    joined = scheduled[key].merge(facts[key].assign(label=features.labels(facts)), on=key, validate="one_to_one")
    known = joined["label"].notna().to_numpy()
    day = np.full(int(known.sum()), night.toordinal())
    origin = scheduled["origin"].to_numpy(dtype=str)
    return features_of(record, night)[known], joined["label"].to_numpy()[known], day, origin[known]


@pytest.fixture(scope="module")
def fitted(rows: dict[str, Rows]) -> HistGradientBoostingClassifier:
    train, labels, _, _ = rows["train"]
    return estimator(7).fit(train, labels)


def predicted(model: HistGradientBoostingClassifier, rows: Rows) -> np.ndarray:
    actual: np.ndarray = model.predict_proba(rows[0])[:, 1]
    return actual


def test_it_ranks_flights_and_beats_a_constant(fitted: HistGradientBoostingClassifier, rows: dict[str, Rows]) -> None:
    labels, chances = rows["holdout"][1], predicted(fitted, rows["holdout"])
    assert 0.6 < roc_auc_score(labels, chances) < 0.85  # above: it would have to know the day itself
    constant = np.full(len(labels), rows["train"][1].mean())
    assert log_loss(labels, chances) < log_loss(labels, constant)


def test_the_same_rows_and_seed_give_the_same_model(
    fitted: HistGradientBoostingClassifier, rows: dict[str, Rows]
) -> None:
    second = estimator(7).fit(rows["train"][0], rows["train"][1])
    assert (predicted(second, rows["holdout"]) == predicted(fitted, rows["holdout"])).all()


def test_it_is_stored_and_loaded_with_the_trusted_types_alone(
    fitted: HistGradientBoostingClassifier, rows: dict[str, Rows]
) -> None:
    data = skops.io.dumps(fitted)
    assert set(skops.io.get_untrusted_types(data=data)) == set(TRUSTED)
    loaded = skops.io.loads(data, trusted=list(TRUSTED))
    assert (predicted(loaded, rows["holdout"]) == predicted(fitted, rows["holdout"])).all()


def test_more_rain_the_day_before_never_lowers_the_chance(
    fitted: HistGradientBoostingClassifier, rows: dict[str, Rows]
) -> None:
    wetter = rows["holdout"][0].assign(rain_1=rows["holdout"][0]["rain_1"] + 1)
    assert (fitted.predict_proba(wetter)[:, 1] >= predicted(fitted, rows["holdout"])).all()


def test_a_challenger_that_learned_shuffled_labels_is_refused(
    fitted: HistGradientBoostingClassifier, rows: dict[str, Rows]
) -> None:
    train, labels, _, _ = rows["train"]
    shuffled = estimator(7).fit(train, np.random.default_rng(0).permutation(labels))
    _, truth, day, origin = rows["holdout"]
    chances = Predicted(predicted(shuffled, rows["holdout"]), predicted(fitted, rows["holdout"]))
    verdict = judge(MODEL.gate, MODEL.task, Holdout(truth, day, {"origin": origin}), chances, seed=1)
    assert not verdict.promote
    assert verdict.gain is not None
    assert verdict.gain < 0


def test_the_windows_reach_no_further_than_the_history() -> None:
    assert MODEL.window.history_days >= max(nights for _, _, nights in features.RATES)
    assert timedelta(days=MODEL.window.history_days) >= timedelta(days=1)
