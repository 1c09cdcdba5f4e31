"""Thrones to fight over."""

import pytest

from nightshift.adapters.registry_rest import Registry
from nightshift.adapters.storage import ObjectStore
from thrones import Make, Throne, maker


@pytest.fixture
def make_throne(store: ObjectStore, mlflow_environment: str, monkeypatch: pytest.MonkeyPatch) -> Make:  # noqa: ARG001
    """Makes thrones, each a model of its own. No model card is written."""
    for module in ("nightshift.steps.promote", "nightshift.champion.rollback"):
        monkeypatch.setattr(f"{module}.publish_cards", lambda *_: None)
    return maker(store, Registry(), monkeypatch)


@pytest.fixture
def throne(make_throne: Make) -> Throne:
    """One throne."""
    return make_throne()
