import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from nightshift.core.metrics import METRICS, compute_all_values, find_metric
from nightshift.errors import BadConfig

REFERENCE = {
    "roc_auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "log_loss": reference.log_loss,
    "brier": reference.brier_score_loss,
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
}
BETTER_WHEN_MORE = {"roc_auc", "average_precision"}


def _rows(seed: int, rows: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.append([0.0, 1.0], (generator.random(rows - 2) < 0.3).astype(float))
    # Two decimals make many ties, which every metric must treat as the reference does.
    predictions = np.clip(generator.random(rows).round(2), 0.01, 0.99)
    return labels, predictions, generator.integers(0, 5, rows)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_a_metric_is_what_scikit_learn_says(name: str, seed: int) -> None:
    labels, predictions, _ = _rows(seed)
    assert METRICS[name].compute_value(labels, predictions) == pytest.approx(
        REFERENCE[name](labels, predictions), rel=1e-9
    )


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_weights_are_days_drawn_that_often(name: str, seed: int) -> None:
    labels, predictions, day = _rows(seed)
    drawn_at_random = np.random.default_rng(seed).multinomial(5, np.full(5, 0.2), size=3)
    weights = np.vstack([np.ones(5), 1 - np.eye(5), drawn_at_random, [[0, 0, 5, 0, 0]]])
    actual = METRICS[name].prepare(labels, predictions, day)(weights)
    for drawn, value in zip(weights, actual, strict=True):
        rows = np.repeat(np.arange(len(day)), drawn[day].astype(int))
        assert value == pytest.approx(REFERENCE[name](labels[rows], predictions[rows]), rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_a_better_prediction_is_better_in_the_direction_of_the_metric(name: str) -> None:
    labels, _, _ = _rows(5)
    near, far = np.where(labels == 1, 0.9, 0.1), np.where(labels == 1, 0.4, 0.6)
    actual = METRICS[name]
    assert actual.direction * (actual.compute_value(labels, near) - actual.compute_value(labels, far)) > 0
    assert actual.higher_is_better == (name in BETTER_WHEN_MORE)


@pytest.mark.parametrize("name", METRICS)
def test_a_constant_prediction_is_one_tie(name: str) -> None:
    labels, _, _ = _rows(9)
    constant = np.full(len(labels), 0.3)
    assert METRICS[name].compute_value(labels, constant) == pytest.approx(REFERENCE[name](labels, constant), rel=1e-9)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_a_choice_of_days_without_a_positive_row_is_undefined_and_the_others_are_not(name: str) -> None:
    labels, day = np.array([0.0, 0, 0, 1, 1, 0]), np.array([0, 0, 1, 1, 2, 2])
    actual = METRICS[name].prepare(labels, np.linspace(0.1, 0.6, 6), day)(np.array([[3.0, 0, 0], [1, 1, 1]]))
    assert np.isnan(actual).tolist() == [True, False]


def test_auc_of_one_class_is_undefined_and_not_listed() -> None:
    labels, predictions = np.ones(4), np.array([0.1, 0.2, 0.3, 0.4])
    assert np.isnan(METRICS["roc_auc"].compute_value(labels, predictions))
    assert set(compute_all_values("classification", labels, predictions)) == {"average_precision", "log_loss", "brier"}


def test_a_certain_wrong_prediction_has_a_finite_log_loss() -> None:
    assert np.isfinite(METRICS["log_loss"].compute_value(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


def test_a_metric_of_another_task_is_named_with_the_choices() -> None:
    with pytest.raises(BadConfig, match="'rmse' does not exist for classification: use one of roc_auc"):
        find_metric("rmse", "classification")


@pytest.mark.parametrize("name", [name for name, item in METRICS.items() if item.task == "classification"])
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_prediction_that_is_no_number_leaves_no_value(name: str, broken: float) -> None:
    labels, predictions = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.9, 0.2, broken])
    assert np.isnan(METRICS[name].compute_value(labels, predictions))
    assert compute_all_values("classification", labels, predictions) == {}
