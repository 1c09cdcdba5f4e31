"""What no data mends about an estimator is refused before data is read; what its data stops, by column and count."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import models
from nightshift.definition import Gate
from nightshift.errors import BadConfig, DataRejected
from nightshift.modelling.estimators import fit, list_trusted_types, make_estimator, try_estimator
from nightshift.modelling.predict import predict
from support.memory_lake import MemoryLake

CANARY = "canary-7741"
Make = Callable[[int], Any]
ROWS = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
LABELS = np.asarray(ROWS["x"] > 0, dtype=np.float64)


class OneColumn(LogisticRegression):  # type: ignore[misc]
    def predict_proba(self, rows: pd.DataFrame) -> Any:
        return super().predict_proba(rows)[:, :1]


class Backwards(LogisticRegression):  # type: ignore[misc]
    def fit(self, rows: pd.DataFrame, labels: Any) -> "Backwards":
        super().fit(rows, labels)
        self.classes_: Any = np.array([1.0, 0.0])
        return self


class Quoting(LogisticRegression):  # type: ignore[misc]
    def fit(self, rows: pd.DataFrame, labels: Any) -> "Quoting":  # noqa: ARG002
        raise ValueError(f"{CANARY} {labels}")


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> MemoryLake:
    return MemoryLake(monkeypatch)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (None, "models/lab/estimator.py must define a function estimator"),
        (lambda seed: LogisticRegression(nothing=seed), r"raised TypeError at modelling/test_estimators.py:\d+"),
        (lambda seed: LogisticRegression(C=-1.0, random_state=seed), "LogisticRegression refuses its parameter C"),
        (lambda _: LogisticRegression, "raised TypeError"),
        (lambda _: None, "gives a NoneType without fit, get_params, predict_proba"),
        (lambda _: LinearSVC(), "gives a LinearSVC without predict_proba"),
        (lambda _: Ridge(), "gives a Ridge without predict_proba"),
        (lambda _: OneColumn(), "gives 200 × 1 numbers: it must give two columns"),
        (lambda _: Backwards(), "for the classes 0 and 1 in this order"),
        (
            lambda _: HistGradientBoostingClassifier(),
            "cannot be stored: it holds types that are not trusted: sklearn",
        ),
        (lambda: LogisticRegression(), "raised TypeError"),
    ],
)
def test_what_no_data_mends_is_refused_before_any_is_read(lake: MemoryLake, make: Make | None, message: str) -> None:
    lake.replace_function("estimator", make)
    with pytest.raises(BadConfig, match=message) as caught:
        try_estimator(lake.model)
    assert "mlflow" not in str(caught.value).lower()


@pytest.mark.parametrize("listed", [None, "sklearn.Tree", 3, (1,)])
def test_a_list_of_trusted_types_is_needed(lake: MemoryLake, listed: Any) -> None:
    lake.replace_function("TRUSTED", listed)
    with pytest.raises(BadConfig, match="must define TRUSTED, a tuple of names"):
        try_estimator(lake.model)


@pytest.mark.parametrize(
    ("written", "imported"),
    [('TRUSTED: tuple[str, ...] = ("a.B",)', False), ('TRUSTED = ("a.B",)', False), ('TRUSTED = ("a" + ".B",)', True)],
)
def test_a_list_that_is_written_out_is_read_without_an_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lake: MemoryLake, written: str, imported: bool
) -> None:
    name = f"of_types_{imported}_{len(written)}".lower()
    (tmp_path / name).mkdir()
    (tmp_path / name / "estimator.py").write_text(f'"""A model."""\n{written}\n')
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    assert list_trusted_types(replace(lake.model, name=name)) == ("a.B",)
    assert (f"models.{name}.estimator" in sys.modules) is imported


@pytest.mark.parametrize(
    "make",
    [
        lambda _: HistGradientBoostingClassifier(monotonic_cst={"late": 1}),
        lambda _: make_pipeline(make_column_transformer((StandardScaler(), ["far", "near"])), LogisticRegression()),
        lambda _: make_pipeline(SimpleImputer(), KNeighborsClassifier(n_neighbors=500)),
    ],
)
def test_an_estimator_that_asks_for_columns_or_many_rows_is_fine(lake: MemoryLake, make: Make) -> None:
    trusted = (
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "numpy.dtype",
        "sklearn.compose._column_transformer._RemainderColsList",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
    )
    lake.replace_function("TRUSTED", trusted)  # type: ignore[arg-type]
    lake.replace_function("estimator", make)
    try_estimator(lake.model)


def test_a_regression_needs_only_predict(lake: MemoryLake) -> None:
    lake.model = replace(lake.model, task="regression", gate=Gate(metric="mae", floor=1.0))
    lake.replace_function("estimator", lambda seed: Ridge(random_state=seed))
    try_estimator(lake.model)
    lake.replace_function("estimator", lambda _: LogisticRegression(C="x"))
    with pytest.raises(BadConfig, match="refuses its parameter C"):
        try_estimator(lake.model)


def test_missing_values_are_named_by_column_and_count_before_the_fit(lake: MemoryLake) -> None:
    incomplete = ROWS.assign(z=ROWS["x"].where(ROWS.index > 2))
    with pytest.raises(DataRejected, match="no value: z in 3 of 60 rows, and LogisticRegression needs one"):
        fit(lake.model, make_estimator(lake.model, 1), incomplete, LABELS)
    fitted = LogisticRegression().fit(ROWS, LABELS)
    with pytest.raises(DataRejected, match="no value: x in 1 of 60 rows"):
        predict(fitted, "classification", ROWS.assign(x=ROWS["x"].where(ROWS.index != 5)))
    takes = HistGradientBoostingClassifier(max_iter=2).fit(incomplete, LABELS)
    assert np.isfinite(predict(takes, "classification", incomplete)).all()


def test_what_takes_missing_values_is_tried_where_its_tags_are_not_those_of_its_steps(lake: MemoryLake) -> None:
    incomplete = ROWS.assign(z=ROWS["x"].where(ROWS.index > 2))
    lake.replace_function("estimator", lambda _: make_pipeline(SimpleImputer(), LogisticRegression()))
    fitted = make_estimator(lake.model, 1)
    fit(lake.model, fitted, incomplete, LABELS)
    assert np.isfinite(predict(fitted, "classification", incomplete)).all()
    lake.replace_function("estimator", lambda _: make_pipeline(StandardScaler(), LogisticRegression()))
    with pytest.raises(DataRejected, match="no value: z in 3 of 60 rows, and Pipeline needs one"):
        fit(lake.model, make_estimator(lake.model, 1), incomplete, LABELS)


def test_a_fit_that_fails_is_named_and_not_quoted(lake: MemoryLake) -> None:
    lake.replace_function("estimator", lambda _: Quoting())
    with pytest.raises(BadConfig, match=r"fit\(\) of Quoting on 60 rows of 1 features raised ValueError at") as caught:
        fit(lake.model, make_estimator(lake.model, 1), ROWS, LABELS)
    assert CANARY not in str(caught.value)


def test_an_estimator_of_one_class_is_named() -> None:
    fitted = DummyClassifier().fit(ROWS, np.zeros(60))
    with pytest.raises(BadConfig, match="DummyClassifier gives 60 × 1 numbers"):
        predict(fitted, "classification", ROWS)
