"""What a model predicts: one float per row, and samples of it kept to recognise the model by."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nightshift.adapters.s3.object_store import to_json
from nightshift.core.metrics import Floats
from nightshift.definition import Task
from nightshift.errors import BadConfig, DataRejected
from nightshift.user_code import translate_errors

TOLERANCE = 1e-9
"""Predictions of one file on one row may differ by rounding between processors, not by more."""
PREDICTS: Mapping[Task, str] = {"classification": "predict_proba", "regression": "predict"}
BOTH_CLASSES = 2
TRIAL_ROWS = 50
"""Rows that an estimator is tried on before the fit: enough for any step of a pipeline, and no time."""


def predict(estimator: Any, task: Task, features: pd.DataFrame) -> Floats:
    """The probability of label 1 per row for a classification, the predicted value for a regression.

    Raises `BadConfig` for an estimator that cannot, or whose answer is not one number per row, and `DataRejected` for
    features without a value where the estimator needs one.
    """
    require_values(estimator, features)
    named, method = type(estimator).__name__, PREDICTS[task]
    if not callable(getattr(estimator, method, None)):
        raise BadConfig(f"{named} has no {method}(), which a {task} needs: choose another in estimator.py")
    with translate_errors(f"{method}() of {named}"):
        predictions = np.asarray(getattr(estimator, method)(features.copy()), dtype=np.float64)
    if task == "regression":
        return _check_shape(predictions, named, method, len(features))
    _require_classes(estimator, predictions, named)
    return _check_shape(predictions[:, 1], named, method, len(features))


def require_values(estimator: Any, features: pd.DataFrame) -> None:
    """Raises `DataRejected` for features without a value, by column and count, where the estimator cannot do without.

    An estimator that does not say so is asked to predict, and may refuse by itself.
    """
    missing = {str(name): int(count) for name, count in features.isna().sum().items() if count}
    if not missing or accepts_missing(estimator, features):
        return
    counts = ", ".join(f"{name} in {count} of {len(features)} rows" for name, count in missing.items())
    raise DataRejected(
        f"features have no value: {counts}, and {type(estimator).__name__} needs one: let features() fill it, put a "
        "SimpleImputer into the estimator, or have the data landed whole"
    )


def accepts_missing(estimator: Any, features: pd.DataFrame) -> bool:
    """Whether an estimator takes these features, of which some have no value.

    Its tags say yes, or it is tried: the tags of a pipeline or a search are not those of the estimators in it.
    """
    from sklearn.utils import get_tags

    try:
        if get_tags(estimator).input_tags.allow_nan:
            return True
    except Exception:  # an estimator of another library, whose tags may raise whatever they like
        return True
    return _can_predict_missing(estimator, features)


def _can_predict_missing(estimator: Any, features: pd.DataFrame) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    row = features[features.isna().any(axis=1)].head(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            try:
                check_is_fitted(estimator)
            except NotFittedError:
                estimator = _fit_trial(estimator, features)
            estimator.predict(row)
        except ValueError:  # how scikit-learn refuses a NaN
            return False
        except Exception:  # whatever else is wrong with it, the fit or the prediction itself tells
            return True
    return True


def _fit_trial(estimator: Any, features: pd.DataFrame) -> Any:
    """A copy of an estimator, fitted on some of the rows with zeros in place of what is missing."""
    from sklearn.base import clone

    rows = features.head(TRIAL_ROWS).fillna(0.0)
    return clone(estimator).fit(rows, np.arange(len(rows)) % 2)


def _require_classes(estimator: Any, probabilities: Floats, named: str) -> None:
    classes = getattr(estimator, "classes_", None)
    ordered = classes is None or (len(classes) == BOTH_CLASSES and [float(label) for label in classes] == [0.0, 1.0])
    if probabilities.ndim != BOTH_CLASSES or probabilities.shape[1] != BOTH_CLASSES or not ordered:
        shape = " × ".join(map(str, probabilities.shape))
        raise BadConfig(
            f"predict_proba() of {named} gives {shape} numbers: it must give two columns, for the classes 0 and 1 in "
            "this order; change the estimator in estimator.py"
        )


def _check_shape(predictions: Floats, named: str, method: str, rows: int) -> Floats:
    if predictions.shape != (rows,):
        shape = " × ".join(map(str, predictions.shape))
        raise BadConfig(f"{method}() of {named} gives {shape} numbers for {rows} rows: it must give one for each")
    return predictions


@dataclass(frozen=True)
class Sample:
    """Rows of features and what the model said of them before it was stored."""

    features: pd.DataFrame
    predictions: Floats

    def to_json(self) -> bytes:
        """The sample as JSON; a missing feature is null."""
        rows = self.features.astype(object).where(self.features.notna(), None).to_numpy().tolist()
        return to_json({"columns": list(self.features), "rows": rows, "predictions": self.predictions.tolist()})

    @classmethod
    def parse(cls, document: Any) -> "Sample":
        """The sample that `to_json` wrote."""
        features = pd.DataFrame(document["rows"], columns=document["columns"]).astype(np.float64)
        return cls(features, np.array(document["predictions"], dtype=np.float64))

    def matches(self, predictions: Floats) -> bool:
        """Whether these predictions of the same rows are the same."""
        return bool(np.allclose(self.predictions, predictions, rtol=0, atol=TOLERANCE, equal_nan=True))
