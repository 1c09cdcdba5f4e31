"""One model whose definition does not load is named in the UI, and the nights of the others go on."""

from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

import models

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture
def bag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DagBag:
    """The DAGs beside a model folder whose definition has a misspelt argument."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "definition.py").write_text("from nightshift.definition import Model\nMODEL = Model(nmae='broken')\n")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    return DagBag(str(DAGS))


def test_the_other_models_keep_their_dags(bag: DagBag) -> None:
    assert "flights_nightly" in bag.dags
    assert "broken_nightly" not in bag.dags


def test_the_broken_model_is_an_import_error_that_says_what_is_wrong(bag: DagBag) -> None:
    assert [Path(path).name for path in bag.import_errors] == ["definitions.py"]
    (error,) = bag.import_errors.values()
    assert "nmae" in error
